/** Chunks on their way over a stream that breaks and a control plane that refuses: all of them arrive, in order. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ChunkOutbox } from '../../../src/agent-sdk/chunk-outbox.ts';
import { limits } from '../../../src/core/limits.ts';
import type { AttemptUpdate } from '../../../src/gen/opaque/session_pb.ts';
import { type ChunkAck, ChunkVerdict } from '../../../src/gen/yardmaster/v1/dispatch_pb.ts';

function numberOf({ update }: AttemptUpdate): number {
  return update.case === 'chunk' ? update.value.number : 0;
}

function ack(attemptId: string, stored: number, verdict: ChunkVerdict): ChunkAck {
  return { $typeName: 'yardmaster.v1.ChunkAck', attemptId, stored, verdict };
}

/** `write`: so many bytes; `lose`: what is on the way, and the stream; `refuse`: the next one, and all after it. */
const step = fc.oneof(
  fc.record({ type: fc.constant('write' as const), attempt: fc.constantFrom('a', 'b'), size: fc.nat(60_000) }),
  fc.record({ type: fc.constantFrom('arrive' as const, 'lose' as const, 'refuse' as const), count: fc.nat(4) }),
);

test('every chunk arrives once and in its turn, over cuts and refusals, and never too much is on the way', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const outbox = new ChunkOutbox();
      const written = new Map([
        ['a', 0],
        ['b', 0],
      ]);
      const arrived = new Map([
        ['a', 0],
        ['b', 0],
      ]);
      let way: AttemptUpdate[] = [];
      const send = (): void => {
        outbox.send((update) => way.push(update));
        const bytes = way.reduce((sum, { update }) => {
          const content = update.case === 'chunk' ? update.value.content : undefined;
          return sum + (content?.value?.length ?? 0);
        }, 0);
        expect(bytes).toBeLessThanOrEqual(limits.chunksInFlightBytesMax + 60_000);
      };
      const take = (update: AttemptUpdate): void => {
        const { attemptId } = update;
        const last = arrived.get(attemptId) ?? 0;
        const number = numberOf(update);
        if (number === last + 1) arrived.set(attemptId, number);
        const verdict = number > last + 1 ? ChunkVerdict.RESEND : ChunkVerdict.STORED;
        outbox.take(ack(attemptId, arrived.get(attemptId) ?? 0, verdict));
      };
      for (const one of steps) {
        if (one.type === 'write') {
          const number = (written.get(one.attempt) ?? 0) + 1;
          written.set(one.attempt, number);
          const data = 'x'.repeat(one.size);
          outbox.add({ type: 'chunk', attemptId: one.attempt, number, channel: 'main', data, size: one.size });
        } else if (one.type === 'arrive') for (const update of way.splice(0, one.count)) take(update);
        else if (one.type === 'refuse') way.splice(0, one.count);
        else {
          way = [];
          outbox.recallAll();
        }
        send();
      }
      // The stream is well from here on.
      way = [];
      outbox.recallAll();
      for (let round = 0; outbox.bytes > 0 && round < 100; round++) {
        send();
        for (const update of way.splice(0)) take(update);
      }
      expect([...arrived]).toEqual([...written]);
      expect([outbox.bytes, outbox.has('a'), outbox.has('b')]).toEqual([0, false, false]);
    }),
  );
});

test('what is dropped or over the limit is let go of, and the handler is told once for all of it', () => {
  for (const [verdict, state] of [
    [ChunkVerdict.DROPPED, 'DROPPED'],
    [ChunkVerdict.LIMIT, 'LIMIT'],
  ] as const) {
    const outbox = new ChunkOutbox();
    for (const number of [1, 2, 3])
      outbox.add({ type: 'chunk', attemptId: 'a', number, channel: 'main', data: 'x', size: 1 });
    outbox.send(() => {});
    expect(outbox.take(ack('a', 1, verdict))).toEqual({ type: 'written', attemptId: 'a', number: 3, state });
    expect([outbox.has('a'), outbox.bytes, outbox.lastOf('a')]).toEqual([false, 0, 3]);
    expect(outbox.take(ack('unknown', 1, verdict))).toBeUndefined();
  }
});
