import { expect, test } from 'vitest';
import { Retention } from '../../../src/control-plane/runtime/retention.ts';
import { createMemoryStore } from '../../../src/control-plane/store/index.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { VirtualClock } from '../../../src/testing/index.ts';
import { aBatch, aRun, insert, runId } from '../../contract/store/rows.ts';

test('nothing is deleted while something is taken over from a run, and what is due is deleted soon after', async () => {
  const clock = new VirtualClock();
  const store = createMemoryStore();
  const { epoch } = await store.open();
  await store.commit(aBatch(epoch, insert(aRun(1, { status: 'FAILED', endedAt: clock.now() - 1 }))));
  const retention = new Retention({ clock, store, logger: silentLogger, onDeleted: () => undefined, retentionMs: 1 });
  retention.start();
  let letGo: () => void = () => undefined;
  const taken = retention.whileKept(
    () =>
      new Promise<void>((resolve) => {
        letGo = resolve;
      }),
  );
  await clock.advance(10 * 60_000);
  expect(await store.getRun('default', runId(1))).toBeDefined();
  letGo();
  await taken;
  await clock.advance(2_000);
  expect(await store.getRun('default', runId(1))).toBeUndefined();
  retention.stop();
});
