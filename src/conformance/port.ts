/** A loopback port that calls come in on. Can be closed as a crash closes it, and opened again under the same number. */
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { GrpcCall } from './grpc-call.ts';

/** Beside the session an agent has calls for blobs, and an old session while it moves. */
const STREAMS_MAX = 64;

export class Port {
  readonly #onCall: (call: GrpcCall) => void;
  readonly #sockets = new Set<Socket>();
  #server: Http2Server | undefined;
  #number = 0;

  constructor(onCall: (call: GrpcCall) => void) {
    this.#onCall = onCall;
  }

  /** `host:port`; the number stays the same once it was open. */
  get address(): string {
    return `127.0.0.1:${this.#number}`;
  }

  async open(): Promise<void> {
    const server = createServer({ settings: { maxConcurrentStreams: STREAMS_MAX } });
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    // What an agent does to its connection is told by its calls.
    server.on('sessionError', () => {});
    // The streams of a server can respond.
    server.on('stream', (stream, headers) => this.#onCall(new GrpcCall(stream as ServerHttp2Stream, headers)));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#number, '127.0.0.1', resolve);
    });
    // The server listens on TCP.
    this.#number = (server.address() as AddressInfo).port;
  }

  /** Takes nobody any more and ends every connection at once. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Ends the connection from this port of the other side, without a word. */
  cut(remotePort: number | undefined): void {
    for (const socket of this.#sockets) if (socket.remotePort === remotePort) socket.destroy();
  }
}
