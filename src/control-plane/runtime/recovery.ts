/**
 * After a restart: every task row is put back where it belongs. Waiting steps go into the index, timers are armed, and every
 * leased attempt is held for one window, so that an instance that comes back goes on with it.
 */
import { formatAttemptId } from '../../core/ids.ts';
import type { Fleet, Now } from '../registry/fleet.ts';
import { parseClassKey } from '../scheduler/class-key.ts';
import { queuedAtOf } from '../scheduler/order-key.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { QueuedRun, RunRow, Store, TaskRow } from '../store/port.ts';
import type { Admission } from './admission.ts';
import { taskKey } from './dispatcher.ts';
import type { Runs } from './runs.ts';
import { decodeTaskClass } from './task-class.ts';
import type { Timers } from './timers.ts';

const PAGE = 2_000;

export interface RecoveryOptions {
  readonly store: Store;
  readonly runs: Runs;
  readonly scheduler: Scheduler;
  readonly fleet: Fleet;
  readonly timers: Timers;
  readonly admission: Pick<Admission, 'restoreActive' | 'restoreQueued'>;
  readonly now: () => Now;
  /** All runs that are active, and the child runs that wait for their turn, before any of them is read. */
  readonly onActive: (active: ReadonlyMap<string, RunRow>, queuedChildren: readonly QueuedRun[]) => Promise<void>;
}

export interface Recovered {
  /** Those that wait for their turn are not among them. */
  readonly runs: number;
  readonly queued: number;
  readonly waiting: number;
  readonly leased: number;
  /** Runs with no task at all: they are looked at once, so that none is stuck. */
  readonly idle: readonly string[];
}

export async function recover(options: RecoveryOptions): Promise<Recovered> {
  const { store, admission } = options;
  const active = new Map<string, RunRow>();
  await eachPage<RunRow>(
    (after) => store.loadActiveRuns(after?.runId ?? '', PAGE),
    (row) => {
      admission.restoreActive(row);
      active.set(row.runId, row);
    },
  );
  const queuedChildren: QueuedRun[] = [];
  let queued = 0;
  await eachPage<QueuedRun>(
    (after) => store.loadQueuedRuns(after?.runId ?? '', PAGE),
    (run) => {
      admission.restoreQueued(run);
      queued += 1;
      if (run.parent !== undefined) queuedChildren.push(run);
    },
  );
  await options.onActive(active, queuedChildren);
  const withTasks = new Set<string>();
  let waiting = 0;
  let leased = 0;
  await eachPage<TaskRow>(
    (after) => store.loadTasks(after, PAGE),
    (task) => {
      const run = active.get(task.runId);
      if (run === undefined) return;
      restore(options, task, run);
      if (task.path !== '') withTasks.add(task.runId);
      if (task.state === 'queued') waiting += 1;
      if (task.state === 'leased') leased += 1;
    },
  );
  const idle = [...active.keys()].filter((runId) => !withTasks.has(runId));
  return { runs: active.size, queued, waiting, leased, idle };
}

/** The next page is read while this one is taken in; the event loop turns between two. */
async function eachPage<Row>(
  load: (after: Row | undefined) => Promise<readonly Row[]>,
  takeIn: (row: Row) => void,
): Promise<void> {
  for (let next: Promise<readonly Row[]> | undefined = load(undefined); next !== undefined; ) {
    const page: readonly Row[] = await next;
    next = page.length < PAGE ? undefined : load(page.at(-1));
    for (const row of page) takeIn(row);
  }
}

function restore(options: RecoveryOptions, task: TaskRow, run: RunRow): void {
  const { runId, path, attempt, dueAt } = task;
  const holder = options.runs.adopt(runId);
  holder.row = run;
  if (task.checkpoint !== undefined) {
    holder.checkpoints ??= new Map();
    holder.checkpoints.set(path, task.checkpoint);
  }
  if (dueAt > 0) options.timers.set(taskKey(runId, path, attempt), { runId, path, attempt }, dueAt);
  if (task.state === 'queued') queue(options, task);
  else if (task.state === 'leased') hold(options, task, run);
}

function queue(options: RecoveryOptions, task: TaskRow): void {
  const { priority, classKey, key } = decodeTaskClass(task.class);
  const stepClass = parseClassKey(classKey);
  if (stepClass === undefined) return;
  const step = {
    runId: task.runId,
    path: task.path,
    classKey,
    priority,
    queuedAt: queuedAtOf(priority, task.orderKey),
    ...(key === undefined ? {} : { key }),
  };
  options.scheduler.apply({ type: 'stepQueued', step, class: stepClass });
}

function hold(options: RecoveryOptions, task: TaskRow, run: RunRow): void {
  const { runId, path, attempt, instanceId, agentId } = task;
  const { classKey, key } = decodeTaskClass(task.class);
  const stepClass = parseClassKey(classKey);
  const { at, wall } = options.now();
  const capability = stepClass?.capability ?? '';
  options.fleet.holdRecovered(
    { namespace: run.namespace, agentId, instanceId, now: at, wall },
    {
      attemptId: formatAttemptId({ runId, path, number: attempt }),
      runId,
      path,
      number: attempt,
      capability,
      ...(key === undefined ? {} : { key: key.name }),
      idempotent: undefined,
      lossWindowMs: task.lossWindowMs,
      acceptUntil: 0,
      heardAt: wall,
      stop: undefined,
      isSent: false,
      isFenced: false,
      checkpointAt: Number.NEGATIVE_INFINITY,
    },
  );
  const { namespace } = run;
  const offer = {
    namespace,
    instanceId,
    agentId,
    labels: {},
    capabilities: [],
    slots: 0,
    accepts: false,
    state: 'UNREACHABLE',
    load: 0,
  };
  if (options.fleet.instances.get(instanceId)?.held.size === 1)
    options.scheduler.apply({ type: 'instanceChanged', offer });
  const taken = key === undefined ? {} : { key: key.name };
  options.scheduler.apply({ type: 'slotTaken', instanceId, capability, ...taken });
}
