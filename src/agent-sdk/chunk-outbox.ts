/**
 * Chunks of output that are not stored yet, by attempt. Pure.
 *
 * Invariants: 1. the chunks of an attempt leave in order, and stay here until they are answered; 2. on a new stream, and when the
 * control plane asks, what is not stored leaves again; 3. of all attempts together so many bytes are on the stream at once.
 */
import { limits } from '../core/limits.ts';
import type { AttemptUpdate } from '../gen/opaque/session_pb.ts';
import type { ChunkAck } from '../gen/yardmaster/v1/dispatch_pb.ts';
import { makeChunk, readChunkState } from './frames.ts';
import type { News, Order } from './news.ts';

export type ChunkNews = Extract<News, { type: 'chunk' }>;

interface AttemptChunks {
  /** In order; the first `sent` of them are on the stream. */
  readonly waiting: ChunkNews[];
  sent: number;
  /** Number of the last one. */
  last: number;
}

export class ChunkOutbox {
  readonly #attempts = new Map<string, AttemptChunks>();
  #inFlightBytes = 0;
  #bytes = 0;

  /** Of all chunks that are not stored. */
  get bytes(): number {
    return this.#bytes;
  }

  add(chunk: ChunkNews): void {
    const chunks = this.#attempts.get(chunk.attemptId) ?? { waiting: [], sent: 0, last: 0 };
    this.#attempts.set(chunk.attemptId, chunks);
    chunks.waiting.push(chunk);
    chunks.last = chunk.number;
    this.#bytes += weigh(chunk);
  }

  /** Whether chunks of the attempt are not stored. */
  has(attemptId: string): boolean {
    return (this.#attempts.get(attemptId)?.waiting.length ?? 0) > 0;
  }

  /** Number of the last chunk of the attempt; 0: none. */
  lastOf(attemptId: string): number {
    return this.#attempts.get(attemptId)?.last ?? 0;
  }

  /** Answers what the handler is told of it; undefined: the attempt wrote nothing. */
  take(ack: ChunkAck): Extract<Order, { type: 'written' }> | undefined {
    const { attemptId } = ack;
    const chunks = this.#attempts.get(attemptId);
    if (chunks === undefined) return undefined;
    const state = readChunkState(ack.verdict);
    const isOver = state === 'DROPPED' || state === 'LIMIT';
    const stored = isOver ? chunks.last : ack.stored;
    const count = chunks.waiting.filter(({ number }) => number <= stored).length;
    this.#drop(chunks, count);
    if (state === 'RESEND') this.#recall(chunks);
    return { type: 'written', attemptId, number: stored, state: isOver ? state : 'STORED' };
  }

  /** The stream is new. */
  recallAll(): void {
    for (const chunks of this.#attempts.values()) this.#recall(chunks);
    this.#inFlightBytes = 0;
  }

  forget(attemptId: string): void {
    const chunks = this.#attempts.get(attemptId);
    if (chunks === undefined) return;
    this.#drop(chunks, chunks.waiting.length);
    this.#attempts.delete(attemptId);
  }

  /** Gives what may leave now to `send`, with its size. */
  send(send: (update: AttemptUpdate, bytes: number) => void): void {
    for (const chunks of this.#attempts.values()) {
      for (let next = chunks.waiting[chunks.sent]; next !== undefined; next = chunks.waiting[chunks.sent]) {
        if (this.#inFlightBytes > 0 && this.#inFlightBytes + weigh(next) > limits.chunksInFlightBytesMax) return;
        this.#inFlightBytes += weigh(next);
        chunks.sent += 1;
        send(makeChunk(next), weigh(next));
      }
    }
  }

  #drop(chunks: AttemptChunks, count: number): void {
    for (const [i, chunk] of chunks.waiting.splice(0, count).entries()) {
      this.#bytes -= weigh(chunk);
      if (i < chunks.sent) this.#inFlightBytes -= weigh(chunk);
    }
    chunks.sent = Math.max(0, chunks.sent - count);
  }

  #recall(chunks: AttemptChunks): void {
    for (const chunk of chunks.waiting.slice(0, chunks.sent)) this.#inFlightBytes -= weigh(chunk);
    chunks.sent = 0;
  }
}

function weigh({ size }: ChunkNews): number {
  return size + limits.chunkOverheadBytes;
}
