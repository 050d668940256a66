/** How many runs may wait: the limit of the product, one below and one above. */
import { expect, test } from 'vitest';
import { Admission } from '../../../src/control-plane/runtime/admission.ts';
import type { Pending } from '../../../src/control-plane/runtime/run-holder.ts';
import type { QueuedRun } from '../../../src/control-plane/store/port.ts';
import { limits } from '../../../src/core/limits.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { VirtualClock } from '../../../src/testing/index.ts';
import { compileWorkflow } from '../../../src/workflow/compile.ts';
import type { WorkflowConcurrency } from '../../../src/workflow/compiled.ts';
import { flow, step } from '../engine/flow.ts';

function admissionOf(concurrency: WorkflowConcurrency): { admission: Admission; submitted: Pending[] } {
  const submitted: Pending[] = [];
  const admission = new Admission({
    clock: new VirtualClock(),
    logger: silentLogger,
    runs: () => ({ isReading: false, submit: (pending) => void submitted.push(pending) }),
    latest: () => Promise.reject(new Error('nobody asks')),
    kick: () => {},
  });
  admission.registered('default', 'etl', { version: 1, concurrency });
  return { admission, submitted };
}

function ask(workflow: string): Parameters<Admission['take']>[1] {
  return { ...run(9_999_999), workflow, parentRunId: undefined };
}

function run(number: number): QueuedRun {
  return {
    runId: `01jd${String(number).padStart(22, '0')}`,
    namespace: 'default',
    workflow: 'etl',
    priority: 'normal',
  };
}

test(`${limits.queuedRunsMax} runs may wait, and one more is refused with what to do`, () => {
  const { admission } = admissionOf({ limit: 1, overflow: 'queue' });
  admission.restoreActive(run(0));
  for (let i = 1; i < limits.queuedRunsMax; i++) admission.restoreQueued(run(i));
  expect(admission.take('start "etl"', ask('etl'))).toBe(true);
  admission.restoreQueued(run(limits.queuedRunsMax));
  expect(() => admission.take('start "etl"', ask('etl'))).toThrow(
    expect.objectContaining({
      code: 'QUEUE_FULL',
      message: `Cannot start "etl": ${limits.queuedRunsMax} runs of it wait, at most ${limits.queuedRunsMax}`,
      next: 'try again later, or raise "concurrency" of "etl"',
    }),
  );
  // Another workflow has a queue of its own.
  expect(admission.take('start "other"', ask('other'))).toBe(false);
});

test('of reject the runs that are active count, and those that are about to be', () => {
  const { admission, submitted } = admissionOf({ limit: 2, overflow: 'reject' });
  expect(admission.take('start "etl"', ask('etl'))).toBe(true);
  admission.restoreActive(run(0));
  expect(admission.take('start "etl"', ask('etl'))).toBe(true);
  admission.restoreQueued(run(1));
  expect(() => admission.take('start "etl"', ask('etl'))).toThrow(
    expect.objectContaining({
      code: 'CONCURRENCY_LIMIT',
      message: 'Cannot start "etl": 2 runs of it are open, at most 2 at once',
    }),
  );
  expect(submitted).toEqual([]);
});

test.each(['restoreActive', 'restoreQueued'] as const)(
  'a run that is here already, %s, is not counted against itself',
  (how) => {
    const { admission } = admissionOf({ limit: 1, overflow: 'reject' });
    admission[how](run(0));
    expect(admission.take('start "etl"', { ...ask('etl'), runId: run(0).runId })).toBe(true);
    expect(() => admission.take('start "etl"', ask('etl'))).toThrow('at most 1 at once');
  },
);

test('what the newest version says counts, in whatever order versions become known', () => {
  const { admission } = admissionOf({ limit: 1, overflow: 'reject' });
  admission.restoreActive(run(0));
  admission.registered('default', 'etl', { version: 3, concurrency: { limit: 2, overflow: 'reject' } });
  admission.registered('default', 'etl', { version: 2, concurrency: { limit: 1, overflow: 'reject' } });
  expect(admission.take('start "etl"', ask('etl'))).toBe(true);
});

test('after a restart nobody starts before the limit is read, also when a run ends meanwhile', async () => {
  const submitted: string[] = [];
  const workflow = compileWorkflow(flow([step('a')], { name: 'etl', concurrency: 1 }).definition, 1);
  const admission = new Admission({
    clock: new VirtualClock(),
    logger: silentLogger,
    runs: () => ({ isReading: false, submit: ({ runId }) => void submitted.push(runId) }),
    latest: () => Promise.resolve(workflow),
    kick: () => {},
  });
  const [first, second, third] = [run(0), run(1), run(2)];
  admission.restoreActive(first);
  for (const each of [second, third]) admission.restoreQueued(each);
  const loading = admission.load();
  admission.forget(first.runId);
  admission.settle();
  expect(submitted).toEqual([]);
  await loading;
  admission.settle();
  expect(submitted).toEqual([second.runId]);
});

/** Run 0 runs another workflow (run 1), which runs the first one again (run 2), which runs itself (run 3). */
function nested(): ReturnType<typeof admissionOf> {
  const made = admissionOf({ limit: 1, overflow: 'reject' });
  const inside = (number: number) => ({ parentRunId: run(number - 1).runId });
  // In no order at all.
  for (const each of [
    { ...run(3), ...inside(3) },
    { ...run(1), ...inside(1), workflow: 'other' },
    run(0),
    { ...run(2), ...inside(2) },
  ])
    made.admission.restoreActive(each);
  return made;
}

test('a run inside of another one of its workflow is let in, whatever the limit says, also after a restart', async () => {
  const { admission } = nested();
  await admission.load();
  for (const number of [1, 2, 3])
    expect(admission.take('start "etl"', { ...ask('etl'), parentRunId: run(number).runId })).toBe(false);
  expect(() => admission.take('start "etl"', ask('etl'))).toThrow('1 run of it is open, at most 1 at once');
});

test('guests whose host goes before them have its place, the outer one for those inside of it', async () => {
  const { admission } = nested();
  await admission.load();
  const refused = (): string => {
    try {
      return String(admission.take('start "etl"', ask('etl')));
    } catch (error) {
      return error instanceof Error ? error.message : '';
    }
  };
  admission.forget(run(0).runId);
  expect(refused()).toContain('1 run of it is open');
  admission.forget(run(3).runId);
  expect(refused()).toContain('1 run of it is open');
  admission.forget(run(2).runId);
  expect(refused()).toBe('true');
});
