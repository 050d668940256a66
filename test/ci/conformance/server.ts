/**
 * The server under test: our listener, with the conformance service instead of the control plane's. The runner says on stdin
 * what it is about to test and reads on stdout where the server is; it is stopped by SIGTERM.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Listener } from '../../../src/control-plane/transport/listener.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import {
  type ServerCompatRequest,
  ServerCompatRequestSchema,
  ServerCompatResponseSchema,
} from './gen/connectrpc/conformance/v1/server_compat_pb.ts';
import { conformanceService } from './service.ts';

const { messageReceiveLimit } = await readRequest();
const listener = new Listener({
  host: '127.0.0.1',
  port: 0,
  node: 'n-conformance',
  services: [conformanceService],
  openSession: () => {
    throw new Error('no agent comes here');
  },
  health: { health: (name) => (name === '' ? true : undefined), onHealthChange: () => () => {} },
  isReady: () => true,
  metrics: { contentType: 'text/plain', read: async () => '' },
  clock: systemClock,
  logger: silentLogger,
  ...(messageReceiveLimit > 0 && { requestBytesMax: messageReceiveLimit }),
});
const { port } = await listener.listen();
process.once('SIGTERM', () => void listener.stop({ graceMs: 1_000 }).then(() => process.exit(0)));
writeResponse(toBinary(ServerCompatResponseSchema, create(ServerCompatResponseSchema, { host: '127.0.0.1', port })));

/** Four bytes of length, then the message; the runner leaves stdin open. */
async function readRequest(): Promise<ServerCompatRequest> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of process.stdin.iterator({ destroyOnReturn: false })) {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE()) break;
  }
  return fromBinary(ServerCompatRequestSchema, bytes.subarray(4, 4 + bytes.readUInt32BE()));
}

function writeResponse(message: Uint8Array): void {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  process.stdout.write(Buffer.concat([length, message]));
}
