/**
 * Links over grpc-js. Owns its known traps: no deadline on the stream, listeners before the first write, `status` as the one end
 * signal, a byte-bounded queue because `write` never stops anyone, and a channel per stream, so that the back-off of a dead
 * channel does not add to ours.
 */
import {
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type StatusObject,
} from '@grpc/grpc-js';
import { YardmasterError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { SessionRequest, SessionResponse } from '../gen/opaque/session_pb.ts';
import { downloadBlob, uploadBlob } from './grpc-blobs.ts';
import { GrpcCalls } from './grpc-calls.ts';
import { readStatus } from './grpc-status.ts';
import type { LinkEvents, LinkFactory, LinkStatus, SessionLink } from './link.ts';
import { decodeResponse, encodeRequest } from './wire.ts';

const SESSION_PATH = '/yardmaster.v1.AgentService/Session';
/** After a half-close the other side has this long to end the stream. */
const CLOSE_MS = 1_000;

/** No pings: a session ends when no frame came for a while (15 s by default), which is sooner. */
const OPTIONS: ChannelOptions = {
  'grpc.enable_retries': 0,
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc-node.flow_control_window': limits.frameBytesSoft,
  'grpc.max_receive_message_length': limits.frameBytesMax,
  'grpc.max_send_message_length': limits.frameBytesMax,
  'grpc.use_local_subchannel_pool': 1,
};

/** Its connection outlives calls: without pings one whose peer vanished would time out call after call. Asked only during calls. */
const BLOB_OPTIONS: ChannelOptions = {
  ...OPTIONS,
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
};

export interface GrpcLinkOptions {
  /** `http://host:port`, `https://host:port` or `host:port` (clear text). */
  readonly url: string;
  /** Sent as `authorization: Bearer ...`. */
  readonly token?: string;
}

/** Throws INVALID_URL. */
export function createGrpcLinks({ url, token }: GrpcLinkOptions): LinkFactory {
  const { target, isSecure } = parseUrl(url);
  const metadata = new Metadata();
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
  const connect = (address: string, options = OPTIONS): Client =>
    new Client(address, isSecure ? credentials.createSsl() : credentials.createInsecure(), options);
  let blobs: Client | undefined;
  const blobClient = (): Client => {
    blobs ??= connect(home, BLOB_OPTIONS);
    return blobs;
  };
  /** Where the agent is: calls and blobs belong to the control plane of its session. */
  let home = target;
  let calls = new GrpcCalls(() => connect(home, BLOB_OPTIONS), metadata);
  const close = (): void => {
    calls.close();
    blobs?.close();
    blobs = undefined;
  };
  const settle = (address: string): void => {
    if (address === home) return;
    close();
    home = address;
    calls = new GrpcCalls(() => connect(address, BLOB_OPTIONS), metadata);
  };
  return {
    // `dns:` so that what another process names is a host and a port, and never a scheme of grpc-js such as `unix`.
    open: (address, events) => {
      const dialled = address === undefined ? target : `dns:${address}`;
      return new GrpcLink(connect(dialled), metadata, {
        onEnd: (status) => events.onEnd(status),
        onFrame: (frame) => {
          if (frame.frame.case === 'welcome') settle(dialled);
          events.onFrame(frame);
        },
      });
    },
    upload: (upload, signal) => uploadBlob(blobClient(), metadata, upload, signal),
    download: (runId, blob, signal) => downloadBlob(blobClient(), metadata, { runId, blob }, signal),
    invoke: (order, onProgress, signal) => calls.invoke(order, onProgress, signal),
    close,
  };
}

function parseUrl(url: string): { readonly target: string; readonly isSecure: boolean } {
  const match = /^(?:(https?):\/\/)?([^\s/]+:\d+)\/?$/.exec(url);
  if (match === null) {
    throw new YardmasterError('INVALID_URL', `Cannot connect to "${url}": it is not like http://127.0.0.1:7420`);
  }
  return { target: match[2] ?? '', isSecure: match[1] === 'https' };
}

/** Zero-copy: grpc-js wants a Buffer. */
function wrap(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

class GrpcLink implements SessionLink {
  readonly #client: Client;
  readonly #call: ClientDuplexStream<Buffer, SessionResponse>;
  readonly #events: LinkEvents;
  #queue: Buffer[] = [];
  #queueBytes = 0;
  #isBlocked = false;
  #isClosing = false;
  #isOver = false;
  #closeTimer: NodeJS.Timeout | undefined;
  /** Why we cancelled, when we did. */
  #ownStatus: LinkStatus | undefined;

  constructor(client: Client, metadata: Metadata, events: LinkEvents) {
    this.#client = client;
    this.#events = events;
    this.#call = client.makeBidiStreamRequest(SESSION_PATH, (frame: Buffer) => frame, decodeResponse, metadata);
    this.#call.on('data', (frame: SessionResponse) => {
      if (!this.#isOver) events.onFrame(frame);
    });
    this.#call.on('drain', () => this.#flush());
    // The status says the same and comes for every end.
    this.#call.on('error', () => {});
    // grpc-js leaves our half open when the server ends, and then sends no status of its own accord.
    this.#call.on('end', () => this.#call.end());
    this.#call.on('status', (status: StatusObject) => this.#finish(this.#ownStatus ?? readStatus(status)));
  }

  send(frame: SessionRequest): void {
    if (this.#isOver || this.#isClosing) return;
    const bytes = wrap(encodeRequest(frame));
    this.#queue.push(bytes);
    this.#queueBytes += bytes.length;
    this.#flush();
    if (this.#queueBytes <= limits.streamQueueBytesMax) return;
    this.#ownStatus = { code: 'RESOURCE_EXHAUSTED', message: 'the control plane reads too slowly' };
    this.#call.cancel();
  }

  close(): void {
    if (this.#isOver || this.#isClosing) return;
    this.#isClosing = true;
    this.#closeTimer = setTimeout(() => this.#call.cancel(), CLOSE_MS);
    this.#flush();
  }

  #flush(): void {
    this.#isBlocked = this.#call.writableNeedDrain;
    while (!this.#isBlocked && !this.#isOver) {
      const bytes = this.#queue.shift();
      if (bytes === undefined) break;
      this.#queueBytes -= bytes.length;
      this.#isBlocked = !this.#call.write(bytes);
    }
    if (this.#isClosing && this.#queue.length === 0) this.#call.end();
  }

  #finish(status: LinkStatus): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#closeTimer);
    this.#queue = [];
    this.#client.close();
    this.#events.onEnd(status);
  }
}
