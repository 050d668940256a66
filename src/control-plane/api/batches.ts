import type { Clock } from '../../core/clock.ts';

const NOT_YET = Symbol('not yet');

/** What an iterable gives within one turn of the event loop comes together, at most `max` at once. */
export async function* inBatches<T>(
  items: AsyncIterable<T>,
  max: number,
  clock: Pick<Clock, 'turn'>,
): AsyncGenerator<readonly T[]> {
  const iterator = items[Symbol.asyncIterator]();
  try {
    let next = iterator.next();
    for (;;) {
      const first = await next;
      if (first.done === true) return;
      const batch = [first.value];
      next = iterator.next();
      const turn = new Promise<typeof NOT_YET>((resolve) => clock.turn(() => resolve(NOT_YET)));
      while (batch.length < max) {
        // A failure of what comes next must not take with it what is here.
        const more = await Promise.race([next.catch(() => NOT_YET), turn]);
        if (typeof more === 'symbol' || more.done === true) break;
        batch.push(more.value);
        next = iterator.next();
      }
      // Until the next batch is asked for, nobody waits for it.
      next.catch(() => {});
      yield batch;
    }
  } finally {
    // Not awaited: an iterable that is waiting answers only when its signal aborts.
    void iterator.return?.()?.then(undefined, () => {});
  }
}
