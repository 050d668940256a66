/** What crosses the threads of an agent arrives as it was. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AttemptEnd, News, Order, WirePayload } from '../../../src/agent-sdk/news.ts';
import { packNews, packOrders, unpackNews, unpackOrders } from '../../../src/agent-sdk/packed.ts';

const text = fc.string({ maxLength: 20 });
const bytes = fc.uint8Array({ maxLength: 40 });
const blob = fc.record({ blobId: text, size: fc.nat(), sha256: bytes });
const payload: fc.Arbitrary<WirePayload> = fc.oneof(
  fc.record({ kind: fc.constant('value' as const), bytes }),
  fc.record({ kind: fc.constant('blob' as const), blob }),
);
const attempt = fc.record({
  attemptId: text,
  runId: text,
  workflow: text,
  stepPath: text,
  number: fc.nat(),
  tryNumber: fc.nat(),
  capability: text,
  input: payload,
  timeoutMs: fc.nat(),
  idempotencyKey: text,
  idempotent: fc.boolean(),
  checkpoint: bytes,
  metadata: fc.dictionary(text, text, { noNullPrototype: true }),
  traceparent: text,
  nextChunk: fc.nat(),
});
const order: fc.Arbitrary<Order> = fc.oneof(
  fc.record({ type: fc.constant('start' as const), attempt }),
  fc.record({
    type: fc.constant('stop' as const),
    attemptId: text,
    cause: fc.constant('LOST' as const),
    graceMs: fc.nat(),
  }),
  fc.record({
    type: fc.constant('written' as const),
    attemptId: text,
    number: fc.nat(),
    state: fc.constantFrom('STORED' as const, 'LIMIT' as const),
  }),
);
const end: fc.Arbitrary<AttemptEnd> = fc.oneof(
  fc.record({ type: fc.constant('completed' as const), output: payload }),
  fc.record({ type: fc.constant('failed' as const), code: text, message: text, details: bytes }),
  fc.record({ type: fc.constant('cancelled' as const) }),
  fc.record({ type: fc.constant('handedBack' as const), reason: text }),
);
const news: fc.Arbitrary<News> = fc.oneof(
  fc.record({ type: fc.constant('accepted' as const), attemptId: text }),
  fc.record({ type: fc.constant('progress' as const), attemptId: text, fraction: fc.double(), message: text }),
  fc.record({ type: fc.constant('checkpoint' as const), attemptId: text, value: bytes }),
  fc.record({
    type: fc.constant('log' as const),
    attemptId: text,
    level: fc.constant('info' as const),
    message: text,
    fields: fc.dictionary(text, text, { noNullPrototype: true }),
  }),
  fc.record({
    type: fc.constant('chunk' as const),
    attemptId: text,
    number: fc.nat(),
    channel: text,
    data: fc.oneof(text, bytes),
    size: fc.nat(),
  }),
  fc.record({
    type: fc.constant('usage' as const),
    attemptId: text,
    counters: fc.dictionary(text, fc.nat(), { noNullPrototype: true }),
  }),
  fc.record({ type: fc.constant('ended' as const), attemptId: text, end }),
);

test('orders arrive as they were, in their order', () => {
  fc.assert(
    fc.property(fc.array(order), (orders) => {
      expect(unpackOrders(structuredClone(packOrders(orders)))).toEqual(orders);
    }),
  );
});

test('news arrive as they were, in their order', () => {
  fc.assert(
    fc.property(fc.array(news), (items) => {
      expect(unpackNews(structuredClone(packNews(items)))).toEqual(items);
    }),
  );
});

test('of a pool of buffers only the bytes of the values cross', () => {
  const pool = new Uint8Array(64 * 1024);
  const output: WirePayload = { kind: 'value', bytes: pool.subarray(100, 108) };
  const packed = packNews([
    { type: 'ended', attemptId: 'a', end: { type: 'completed', output } },
    { type: 'ended', attemptId: 'b', end: { type: 'completed', output } },
  ]);
  expect(packed.bytes.buffer.byteLength).toBe(16);
});
