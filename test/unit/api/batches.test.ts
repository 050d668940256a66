import { describe, expect, it } from 'vitest';
import { inBatches } from '../../../src/control-plane/api/batches.ts';
import { systemClock } from '../../../src/core/clock.ts';

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const turn = (): Promise<void> => new Promise((resolve) => systemClock.turn(resolve));

describe('batches of events', () => {
  it('put together what comes in one turn, up to a limit', async () => {
    async function* source() {
      for (let i = 0; i < 5; i++) yield i;
      await turn();
      await turn();
      yield 5;
    }
    expect(await collect(inBatches(source(), 3, systemClock))).toEqual([[0, 1, 2], [3, 4], [5]]);
  });

  it('hand on what came before a failure, then the failure', async () => {
    async function* source() {
      yield 1;
      throw new Error('too slow');
    }
    const seen: (readonly number[])[] = [];
    await expect(async () => {
      for await (const batch of inBatches(source(), 10, systemClock)) seen.push(batch);
    }).rejects.toThrow('too slow');
    expect(seen).toEqual([[1]]);
  });

  it('close their source when nobody reads on', async () => {
    let isClosed = false;
    async function* source() {
      try {
        for (;;) {
          yield 1;
          await turn();
        }
      } finally {
        isClosed = true;
      }
    }
    for await (const _ of inBatches(source(), 10, systemClock)) break;
    await turn();
    await turn();
    expect(isClosed).toBe(true);
  });
});
