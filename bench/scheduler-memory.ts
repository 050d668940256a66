/**
 * What the ready index costs with 1,000 runs of 100 waiting steps: heap per waiting step, and the time from a freed
 * slot to the next assignment compared with one waiting step. Run: `npx node --expose-gc bench/scheduler-memory.ts`.
 */
import { classKeyOf } from '../src/control-plane/scheduler/class-key.ts';
import { Scheduler } from '../src/control-plane/scheduler/scheduler.ts';
import type { StepClass } from '../src/control-plane/scheduler/types.ts';

const runs = 1_000;
const stepsPerRun = 100;
const cycles = 100_000;
const load: StepClass = { namespace: 'default', capability: 'load', versionRange: '', agentId: '', labels: {} };
const classKey = classKeyOf(load);
/** As in the product: paths and run ids exist already, shared with the definition and the run's state. */
const paths = Array.from({ length: stepsPerRun }, (_, n) => `step-${n}`);
const runIds = Array.from({ length: runs }, (_, n) => `01k${String(n).padStart(23, '0')}`);

function queue(scheduler: Scheduler, runId: string, path: string): void {
  const step = { runId, path, classKey, priority: 'normal', queuedAt: 1_764_000_000_000 } as const;
  scheduler.apply({ type: 'stepQueued', step, class: load });
}

function heapBytes(): number {
  if (globalThis.gc === undefined) throw new Error('Start with --expose-gc.');
  for (let n = 0; n < 3; n += 1) globalThis.gc();
  return process.memoryUsage().heapUsed;
}

/** Nanoseconds from the freed slot to the next assignment; the median of batches. */
function cycleNs(scheduler: Scheduler): number {
  const batches: number[] = [];
  const perBatch = cycles / 100;
  for (let batch = 0; batch < 100; batch += 1) {
    let spent = 0n;
    for (let n = 0; n < perBatch; n += 1) {
      const start = process.hrtime.bigint();
      scheduler.apply({ type: 'slotFreed', instanceId: 'i0', capability: 'load' });
      const [next] = scheduler.assignments(0, 1);
      spent += process.hrtime.bigint() - start;
      if (next === undefined) throw new Error('Nothing was assigned.');
      queue(scheduler, next.step.runId, next.step.path);
    }
    batches.push(Number(spent) / perBatch);
  }
  return batches.sort((a, b) => a - b)[50] ?? 0;
}

function busyScheduler(): Scheduler {
  const scheduler = new Scheduler();
  const capabilities = [{ name: 'load', version: '1.0.0', concurrency: 0 }];
  const agent = { namespace: 'default', agentId: 'loader', labels: {}, state: 'READY', accepts: true, load: 0 };
  scheduler.apply({ type: 'instanceChanged', offer: { ...agent, instanceId: 'i0', capabilities, slots: 1 } });
  queue(scheduler, 'first', 'step');
  scheduler.assignments(0, 1);
  return scheduler;
}

const one = busyScheduler();
queue(one, runIds[0] ?? '', paths[0] ?? '');
const full = busyScheduler();
const before = heapBytes();
for (const runId of runIds) for (const path of paths) queue(full, runId, path);
const bytesPerStep = (heapBytes() - before) / full.waiting();
cycleNs(one);
const [oneNs, fullNs] = [cycleNs(one), cycleNs(full)];
console.log(`waiting steps                 ${full.waiting()}`);
console.log(`heap per waiting step         ${bytesPerStep.toFixed(1)} B`);
console.log(`freed slot to assignment      ${oneNs.toFixed(0)} ns with one waiting, ${fullNs.toFixed(0)} ns with all`);
console.log(`ratio                         ${(fullNs / oneNs).toFixed(2)}`);
