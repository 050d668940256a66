/**
 * Orders and news as they cross the threads. A structured clone writes the name of every member of every object, and of a
 * view all of the buffer behind it, which of a frame may be a pool of 64 KiB. So what comes with every attempt goes as a
 * tuple, with all bytes of a batch in one buffer; the rest goes as it is.
 */
import type { AttemptOrder, BlobReference, News, Order, WirePayload } from './news.ts';

/** Items, and their bytes one behind the other; an item has only the length of its own. */
export interface Packed<Item> {
  readonly items: readonly Item[];
  readonly bytes: Uint8Array;
}

type PackedPayload = number | BlobReference;

type PackedStart = readonly [
  attemptId: string,
  runId: string,
  workflow: string,
  stepPath: string,
  number: number,
  tryNumber: number,
  capability: string,
  input: PackedPayload,
  timeoutMs: number,
  idempotencyKey: string,
  idempotent: boolean,
  checkpoint: number,
  metadata: AttemptOrder['metadata'],
  traceparent: string,
  nextChunk: number,
];

export type PackedOrder = PackedStart | Exclude<Order, { type: 'start' }>;

/** Checkpoints of news keep a buffer of their own: they may be held for long, and must not hold their batch. */
export type PackedNews =
  | readonly [attemptId: string]
  | readonly [attemptId: string, output: PackedPayload]
  | Exclude<News, { type: 'accepted' }>;

export function packOrders(orders: readonly Order[]): Packed<PackedOrder> {
  const chunks = new Chunks();
  const items = orders.map((order) => (order.type === 'start' ? packStart(order.attempt, chunks) : order));
  return { items, bytes: chunks.join() };
}

export function unpackOrders({ items, bytes }: Packed<PackedOrder>): readonly Order[] {
  const slices = new Slices(bytes);
  return items.map((item) => ('type' in item ? item : { type: 'start', attempt: unpackStart(item, slices) }));
}

export function packNews(news: readonly News[]): Packed<PackedNews> {
  const chunks = new Chunks();
  const items = news.map((item): PackedNews => {
    if (item.type === 'accepted') return [item.attemptId];
    if (item.type !== 'ended' || item.end.type !== 'completed') return item;
    return [item.attemptId, packPayload(item.end.output, chunks)];
  });
  return { items, bytes: chunks.join() };
}

export function unpackNews({ items, bytes }: Packed<PackedNews>): readonly News[] {
  const slices = new Slices(bytes);
  return items.map((item): News => {
    if ('type' in item) return item;
    const [attemptId, output] = item;
    if (output === undefined) return { type: 'accepted', attemptId };
    return { type: 'ended', attemptId, end: { type: 'completed', output: unpackPayload(output, slices) } };
  });
}

function packStart(order: AttemptOrder, chunks: Chunks): PackedStart {
  return [
    order.attemptId,
    order.runId,
    order.workflow,
    order.stepPath,
    order.number,
    order.tryNumber,
    order.capability,
    packPayload(order.input, chunks),
    order.timeoutMs,
    order.idempotencyKey,
    order.idempotent,
    chunks.add(order.checkpoint),
    order.metadata,
    order.traceparent,
    order.nextChunk,
  ];
}

function unpackStart(start: PackedStart, slices: Slices): AttemptOrder {
  const [attemptId, runId, workflow, stepPath, number, tryNumber, capability, input, ...rest] = start;
  const [timeoutMs, idempotencyKey, idempotent, checkpoint, metadata, traceparent, nextChunk] = rest;
  return {
    attemptId,
    runId,
    workflow,
    stepPath,
    number,
    tryNumber,
    capability,
    input: unpackPayload(input, slices),
    timeoutMs,
    idempotencyKey,
    idempotent,
    checkpoint: slices.next(checkpoint),
    metadata,
    traceparent,
    nextChunk,
  };
}

function packPayload(payload: WirePayload, chunks: Chunks): PackedPayload {
  return payload.kind === 'value' ? chunks.add(payload.bytes) : payload.blob;
}

function unpackPayload(packed: PackedPayload, slices: Slices): WirePayload {
  if (typeof packed === 'number') return { kind: 'value', bytes: slices.next(packed) };
  return { kind: 'blob', blob: packed };
}

class Chunks {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  /** Answers the length. */
  add(chunk: Uint8Array): number {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    return chunk.length;
  }

  /** In a buffer of its own, never a part of a pool. */
  join(): Uint8Array {
    const bytes = new Uint8Array(this.#length);
    let at = 0;
    for (const chunk of this.#chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  }
}

class Slices {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  next(length: number): Uint8Array {
    const start = this.#at;
    this.#at += length;
    return this.#bytes.subarray(start, this.#at);
  }
}
