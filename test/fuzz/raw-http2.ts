/** HTTP/2 without gRPC on it: any headers, any bytes, any end. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';

export type StreamEnd = 'halfClose' | 'cancel' | 'leave';

export interface RawCall {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly chunks: readonly Buffer[];
  readonly end: StreamEnd;
}

export interface RawAnswer {
  /** `grpc-status`; undefined: the stream ended without one. */
  readonly code: number | undefined;
  readonly message: string;
  readonly isOpen: boolean;
}

const STREAMS = 12;
/** A server that does not end what was half-closed: far more than it takes, also on a busy machine. */
const ANSWER_MS = 20_000;

export class RawHttp2 {
  private readonly url: string;
  private session: ClientHttp2Session | undefined;
  private used = 0;

  constructor(url: string) {
    this.url = url;
  }

  /** Resolves when the stream is over, or at once for one that is left open. */
  call({ path, headers = {}, chunks, end }: RawCall): Promise<RawAnswer> {
    const stream = this.open(path, headers);
    let code: number | undefined;
    let message = '';
    const note = (trailers: Record<string, unknown>): void => {
      if (trailers['grpc-status'] === undefined) return;
      code = Number(trailers['grpc-status']);
      message = decodeURIComponent(String(trailers['grpc-message'] ?? ''));
    };
    stream
      .on('response', note)
      .on('trailers', note)
      .on('error', () => {})
      .resume();
    const over = new Promise<RawAnswer>((resolve) =>
      stream.once('close', () => resolve({ code, message, isOpen: false })),
    );
    for (const chunk of chunks) if (stream.writable) stream.write(chunk);
    // Not in the turn of the writes: Node's own client counts its memory wrongly then and ends the process
    // (https://github.com/nodejs/node/issues/38964).
    if (end === 'cancel') setImmediate(() => stream.close(constants.NGHTTP2_CANCEL));
    if (end === 'halfClose') stream.end();
    if (end === 'leave') return Promise.resolve({ code, message, isOpen: true });
    const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), ANSWER_MS);
    return over.finally(() => clearTimeout(timer));
  }

  close(): void {
    this.session?.destroy();
    this.session = undefined;
  }

  /** A connection serves some streams and is left: what it was told is its own. */
  private open(path: string, headers: Readonly<Record<string, string>>): ClientHttp2Stream {
    if (this.session === undefined || this.session.destroyed || this.session.closed || this.used >= STREAMS) {
      const old = this.session;
      // Open streams go on for a moment, as those of a process that is about to end.
      if (old !== undefined) setTimeout(() => old.destroy(), 500).unref();
      this.session = connect(this.url).on('error', () => {});
      this.used = 0;
    }
    this.used += 1;
    return this.session.request(
      { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...headers },
      { endStream: false },
    );
  }
}
