/**
 * One gRPC call as the kit serves it, straight over node:http2: the kit must be able to do what no server library offers, such as
 * reading nothing for a while or ending a socket in the middle. Reads nothing twice and trusts no length.
 */
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { create, toBinary } from '@bufbuild/protobuf';
import { anyPack, durationFromMs } from '@bufbuild/protobuf/wkt';
import { limits } from '../core/limits.ts';
import { ErrorInfoSchema, RetryInfoSchema } from '../gen/google/rpc/error_details_pb.ts';
import { StatusSchema } from '../gen/google/rpc/status_pb.ts';

/** What the call ends with; codes are those of gRPC. */
export interface CallStatus {
  readonly code: number;
  readonly message: string;
  /** `ErrorInfo.reason`. */
  readonly reason?: string;
  /** `RetryInfo.retry_delay`. */
  readonly retryAfterMs?: number;
}

export const OK: CallStatus = { code: 0, message: '' };
/** Canonical codes that the kit answers with. */
export const codes = {
  invalidArgument: 3,
  notFound: 5,
  failedPrecondition: 9,
  unimplemented: 12,
  unavailable: 14,
} as const;

export interface CallEvents {
  onMessage(bytes: Uint8Array): void;
  /** The other side will send no more. */
  onHalfClose(): void;
  /** The call is over, whoever ended it. Called once. */
  onEnd(): void;
  /** What came is no gRPC message. */
  onGarbage(fact: string): void;
}

const HEAD_BYTES = 5;
/** A frame over the product's limit is still read, so that it can be told how large it was. */
const MESSAGE_BYTES_MAX = 4 * limits.frameBytesMax;
const NOTHING = Buffer.alloc(0);

export class GrpcCall {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly #stream: ServerHttp2Stream;
  #rest: Buffer = NOTHING;
  #hasAnswered = false;
  #isOver = false;
  #status: CallStatus = OK;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    this.#stream = stream;
    this.headers = headers;
    this.path = headers[':path'] ?? '';
  }

  listen(events: CallEvents): void {
    const stream = this.#stream;
    // Resets and the end of the connection come here, too, and `close` tells of them.
    stream.on('error', () => {});
    stream.on('data', (chunk: Buffer) => this.#take(chunk, events));
    stream.on('end', () => events.onHalfClose());
    stream.on('close', () => {
      this.#isOver = true;
      events.onEnd();
    });
  }

  /** Also between a reset and the event that tells of it: what waits then is still read, and may ask for an answer. */
  get isOver(): boolean {
    return this.#isOver || this.#stream.destroyed || this.#stream.closed;
  }

  /** The port of the socket at the other side: what tells connections apart. */
  get remotePort(): number | undefined {
    return this.#stream.session?.socket.remotePort;
  }

  /** Bytes that were written and that the other side has not made room for. */
  get unreadBytes(): number {
    return this.isOver ? 0 : this.#stream.writableLength;
  }

  write(message: Uint8Array): void {
    if (this.isOver || this.#stream.writableEnded) return;
    this.answer();
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUInt32BE(message.length, 1);
    this.#stream.write(Buffer.concat([head, message]));
  }

  /** Sends the headers, which say that the call was taken. */
  answer(): void {
    if (this.#hasAnswered || this.isOver) return;
    this.#hasAnswered = true;
    this.#stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' }, { waitForTrailers: true });
    this.#stream.on('wantTrailers', () => this.#stream.sendTrailers(trailersOf(this.#status)));
  }

  end(status: CallStatus): void {
    if (this.isOver || this.#stream.writableEnded) return;
    this.#status = status;
    if (this.#hasAnswered) {
      this.#stream.end();
      return;
    }
    this.#hasAnswered = true;
    const headers = { ':status': 200, 'content-type': 'application/grpc+proto', ...trailersOf(status) };
    this.#stream.respond(headers, { endStream: true });
  }

  /** Reads nothing more until `resume`; the windows of HTTP/2 fill up. */
  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  #take(chunk: Buffer, events: CallEvents): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= HEAD_BYTES) {
      const length = bytes.readUInt32BE(1);
      if (bytes[0] !== 0) return this.#refuse(events, 'a compressed message, without having been asked for one');
      if (length > MESSAGE_BYTES_MAX) return this.#refuse(events, `a message of ${length} bytes`);
      if (bytes.length < HEAD_BYTES + length) break;
      events.onMessage(bytes.subarray(HEAD_BYTES, HEAD_BYTES + length));
      bytes = bytes.subarray(HEAD_BYTES + length);
    }
    this.#rest = bytes;
  }

  #refuse(events: CallEvents, fact: string): void {
    this.#rest = NOTHING;
    events.onGarbage(fact);
    this.#stream.destroy();
  }
}

function trailersOf(status: CallStatus): Record<string, string> {
  const { code, message, reason, retryAfterMs } = status;
  const base = { 'grpc-status': String(code), 'grpc-message': encodeURI(message) };
  if (reason === undefined && retryAfterMs === undefined) return base;
  const details = [
    ...(reason === undefined
      ? []
      : [anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason, domain: 'yardmaster' }))]),
    ...(retryAfterMs === undefined
      ? []
      : [anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay: durationFromMs(retryAfterMs) }))]),
  ];
  const bytes = toBinary(StatusSchema, create(StatusSchema, { code, message, details }));
  return { ...base, 'grpc-status-details-bin': Buffer.from(bytes).toString('base64') };
}
