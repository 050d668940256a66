import { describe, expect, test } from 'vitest';
import type { WatchedEvent } from '../../../src/control-plane/runtime/control-plane.ts';
import { WatchHub } from '../../../src/control-plane/runtime/watch.ts';
import type { Store } from '../../../src/control-plane/store/port.ts';
import { noMetrics } from '../../../src/core/metrics.ts';

/** A run whose journal is empty so far. */
const store: Pick<Store, 'loadJournal'> = { loadJournal: async () => [] };

function open() {
  const dropped = { count: 0 };
  const metrics = {
    ...noMetrics,
    dropped: (_: string, count: number) => {
      dropped.count += count;
    },
  };
  // Nothing else of the store is asked for.
  const hub = new WatchHub(store as Store, metrics);
  const watching = hub.watch('r', 0, true, new AbortController().signal);
  return { hub, dropped, watching };
}

function line(message: string): Extract<WatchedEvent, { kind: 'live' }> {
  return { kind: 'live', at: 0, path: 'a', number: 1, live: { type: 'log', level: 'info', message, fields: {} } };
}

describe('a watcher that does not read', () => {
  test('is behind by a megabyte of live events and no more; the rest is dropped and counted', async () => {
    const { hub, dropped, watching } = open();
    const first = watching.next();
    await Promise.resolve();
    for (let i = 0; i < 20_000; i++) hub.publishLive('r', line(`${i} ${'x'.repeat(4_000)}`));
    hub.publish('r', 1, [{ type: 'RunPaused', at: 0, reason: 'seen all the same' }]);
    let chars = 0;
    let count = 0;
    for (let next = await first; !next.done; next = await watching.next()) {
      if (next.value.kind === 'event') break;
      if (next.value.live.type === 'log') chars += next.value.live.message.length;
      count += 1;
    }
    expect(chars).toBeGreaterThan(1_000_000);
    expect(chars).toBeLessThan(1_100_000);
    expect(count + dropped.count).toBe(20_000);
  });

  test('hears live events again once it has read', async () => {
    const { hub, dropped, watching } = open();
    const first = watching.next();
    await Promise.resolve();
    for (let i = 0; i < 1_000; i++) hub.publishLive('r', line('x'.repeat(4_000)));
    expect(dropped.count).toBeGreaterThan(0);
    await first;
    hub.publishLive('r', line('after'));
    for (;;) {
      const { value } = await watching.next();
      if (value?.kind === 'live' && value.live.type === 'log' && value.live.message === 'after') return;
    }
  });
});
