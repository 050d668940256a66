/**
 * What grpc-js lets pass and the protocol of gRPC does not: other methods than POST, codecs and compressions that nobody here
 * reads, messages that are marked as compressed and are not, and a body that ends within a message. Found by the conformance
 * suite of Connect (test/ci/conformance). It reaches into grpc-js, for which there is no public way; a version that keeps
 * these things elsewhere must not start.
 */
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { type Server, type ServerInterceptor, status } from '@grpc/grpc-js';

/** `application/grpc` alone, with its codec, and with parameters. */
const PROTOBUF = /^application\/grpc(\+proto)?\s*(;|$)/;
const ENCODINGS = 'identity,deflate,gzip';
const NOTHING_READ = 0;

type Verify = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => boolean;
type InterceptedCall = Parameters<ServerInterceptor>[1];

/** Before a call gets to its handler. */
export function checkRequests(server: Server): void {
  const verify: Verify = Reflect.get(server, '_verifyContentType');
  if (typeof verify !== 'function') throw new TypeError('grpc-js looks at content types elsewhere');
  const check: Verify = (stream, headers) =>
    // Reset in the bytes behind its headers: whatever is answered to it throws where nobody catches.
    !stream.destroyed && verify.call(server, stream, headers) && accept(stream, headers);
  Reflect.set(server, '_verifyContentType', check);
}

function accept(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): boolean {
  const { ':method': method, 'content-type': type = '', 'grpc-encoding': encoding = 'identity' } = headers;
  if (method !== 'POST') {
    stream.respond({ ':status': 405, allow: 'POST' }, { endStream: true });
    return false;
  }
  if (!PROTOBUF.test(type)) {
    refuse(stream, `Cannot read "${type}": send protobuf, as application/grpc`);
    return false;
  }
  if (typeof encoding !== 'string' || !ENCODINGS.split(',').includes(encoding)) {
    refuse(stream, `Cannot read messages that are compressed with "${encoding}": use one of ${ENCODINGS}`);
    return false;
  }
  return true;
}

/** UNIMPLEMENTED, as an answer without messages. */
function refuse(stream: ServerHttp2Stream, message: string): void {
  stream.respond(
    {
      ':status': 200,
      'content-type': 'application/grpc',
      'grpc-accept-encoding': ENCODINGS,
      'grpc-status': status.UNIMPLEMENTED,
      'grpc-message': encodeURI(message.slice(0, 256).toWellFormed()),
    },
    { endStream: true },
  );
}

/** While the messages of a call arrive. */
export function checkMessages(call: InterceptedCall): void {
  const base = baseOf(call);
  if (base.incomingEncoding === 'identity') base.decompressMessage = openPlain;
  base.handleEndEvent = endWhole;
}

interface BaseCall extends InterceptedCall {
  readonly incomingEncoding: string;
  readonly decoder: { readonly readState: number };
  decompressMessage: (message: Buffer) => Buffer | Promise<Buffer>;
  handleEndEvent: () => void;
}

function baseOf(call: InterceptedCall): BaseCall {
  const hasParts = 'decoder' in call && 'decompressMessage' in call && 'handleEndEvent' in call;
  if (!hasParts) throw new TypeError('grpc-js reads messages elsewhere');
  // What it has was looked at above.
  return call as BaseCall;
}

function openPlain(message: Buffer): Buffer | Promise<Buffer> {
  if (message[0] === 0) return message.subarray(5);
  const details = 'Cannot read a message: it is marked as compressed, and grpc-encoding does not say how';
  return Promise.reject({ code: status.INTERNAL, details });
}

/** `this` is the call, which has it in the place of its own. */
function endWhole(this: BaseCall): void {
  if (this.decoder.readState === NOTHING_READ) {
    const { handleEndEvent } = Object.getPrototypeOf(this) as BaseCall;
    handleEndEvent.call(this);
    return;
  }
  const details = 'Cannot read the request: it ends within a message';
  this.sendStatus({ code: status.INVALID_ARGUMENT, details, metadata: null });
}
