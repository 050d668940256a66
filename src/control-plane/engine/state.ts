/**
 * The live state of one run: the fold of its events, changed in place by `evolve` alone. It belongs to the run's mailbox;
 * nobody else holds a reference.
 *
 * Invariants: 1. `steps[i]` is the record of `workflow.nodes[i]`; 2. counters (`pendingDependencies`, `openChildren`, `openRoots`) are
 * what a count over the records would give; 3. nothing here grows with the size of an output.
 */
import type { StoredValue } from '../../core/stored-value.ts';
import type { CompiledNode, CompiledWorkflow } from '../../workflow/compiled.ts';
import type { Priority } from '../../workflow/definition.ts';
import type { Failure, RunCreated, SkipReason } from './events.ts';
import type { AttemptOutcome, RunOutcome, RunStatus, StepStatus } from './status.ts';

export interface RunState {
  readonly runId: string;
  readonly namespace: string;
  readonly workflow: CompiledWorkflow;
  readonly params: StoredValue;
  readonly priority: Priority;
  readonly requestId: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: number;
  /** Number of events so far. */
  position: number;
  status: RunStatus;
  startedAt: number;
  endedAt: number;
  /** Wall ms; 0: none. While ENDING it is the end of the cleanup. */
  deadlineAt: number;
  cancelRequests: number;
  ending: Ending | undefined;
  output: StoredValue | undefined;
  failure: Failure | undefined;
  cleanupFailures: Failure[];
  /** Top-level nodes of the body, and of `finally`, that are not over. */
  openRoots: number;
  openFinally: number;
  /** Steps that are over, of those that can be counted (agent steps). */
  readonly steps: StepRecord[];
}

export interface Ending {
  readonly outcome: RunOutcome;
  readonly failure: Failure | undefined;
  readonly output: StoredValue | undefined;
}

/** One step of a run. Kept small: 100,000 may wait at once. Everything rare is in `detail`. */
export class StepRecord {
  status: StepStatus = 'PENDING';
  pendingDependencies: number;
  /** True while the step waits for an agent (also beside an unreachable attempt that is still LIVE). */
  isQueued = false;
  /** Tries that ended in a counted failure. */
  failedTries = 0;
  /** Wall ms of READY or BlockStarted, and of the latest queueing. */
  readyAt = 0;
  queuedAt = 0;
  input: StoredValue | undefined = undefined;
  detail: StepDetail | undefined = undefined;

  constructor(pendingDependencies: number) {
    this.pendingDependencies = pendingDependencies;
  }
}

export interface StepDetail {
  attempts: AttemptRecord[];
  output: StoredValue | undefined;
  failure: Failure | undefined;
  endedAt: number;
  skip: { readonly reason: SkipReason; readonly because: string | undefined } | undefined;
  /** Wall ms until which a stopped step may still answer; 0: not stopping. */
  stoppingUntil: number;
  /** Wall ms when the next try is due; 0: no backoff. */
  retryAt: number;
  backoffUntil: number;
  /** Of a block: children that are not over, children that started and are not over, where to look for the next to start. */
  openChildren: number;
  activeChildren: number;
  cursor: number;
  /** Of a block: the first child failure that its policy counts. */
  childFailure: Failure | undefined;
}

export interface AttemptRecord {
  readonly number: number;
  readonly try: number;
  readonly agentId: string;
  readonly instanceId: string;
  readonly idempotent: boolean;
  /** It began with the checkpoint of an earlier attempt. */
  readonly isResumed: boolean;
  readonly startedAt: number;
  /** Wall ms; 0: none. */
  readonly deadlineAt: number;
  /** Undefined while it is LIVE. */
  outcome: AttemptOutcome | undefined;
  failure: Failure | undefined;
  endedAt: number;
  /** The instance's stream ended and the step was offered to another. */
  isUnreachable: boolean;
  /** Ended by our word; the agent has not confirmed that it stopped. */
  isUnconfirmed: boolean;
  /** A result of it was accepted: a repeat is answered ACCEPTED. */
  isAccepted: boolean;
  hasLateResult: boolean;
}

export function createRunState(created: RunCreated, workflow: CompiledWorkflow): RunState {
  return {
    runId: created.runId,
    namespace: created.namespace,
    workflow,
    params: created.params,
    priority: created.priority,
    requestId: created.requestId,
    labels: created.labels ?? {},
    createdAt: created.at,
    position: 1,
    status: 'QUEUED',
    startedAt: 0,
    endedAt: 0,
    deadlineAt: 0,
    cancelRequests: 0,
    ending: undefined,
    output: undefined,
    failure: undefined,
    cleanupFailures: [],
    openRoots: workflow.roots.length,
    openFinally: workflow.finallyRoots.length,
    steps: workflow.nodes.map((node) => new StepRecord(node.dependencies.length)),
  };
}

/** The rare part of a record, made when first needed. */
export function detailOf(record: StepRecord): StepDetail {
  record.detail ??= {
    attempts: [],
    output: undefined,
    failure: undefined,
    endedAt: 0,
    skip: undefined,
    stoppingUntil: 0,
    retryAt: 0,
    backoffUntil: 0,
    openChildren: 0,
    activeChildren: 0,
    cursor: 0,
    childFailure: undefined,
  };
  return record.detail;
}

const NO_ATTEMPTS: readonly AttemptRecord[] = [];

export function attemptsOf(record: StepRecord): readonly AttemptRecord[] {
  return record.detail?.attempts ?? NO_ATTEMPTS;
}

export function liveAttempts(record: StepRecord): readonly AttemptRecord[] {
  const attempts = attemptsOf(record);
  const last = attempts.at(-1);
  if (last === undefined || (attempts.length === 1 && last.outcome !== undefined)) return NO_ATTEMPTS;
  return attempts.filter((attempt) => attempt.outcome === undefined);
}

/** The number that the next attempt gets. Numbers only grow: nothing ever leaves the list. */
export function nextNumber(record: StepRecord): number {
  return attemptsOf(record).length + 1;
}

export function findAttempt(record: StepRecord, number: number): AttemptRecord | undefined {
  return record.detail?.attempts[number - 1];
}

/** The node's index for a path; undefined when the run has no such step. */
export function indexOfPath(state: RunState, path: string): number | undefined {
  return state.workflow.indexById.get(path);
}

export function pathOf(state: RunState, index: number): string {
  return nodeAt(state, index).id;
}

export function nodeAt(state: RunState, index: number): CompiledNode {
  const node = state.workflow.nodes[index];
  if (node === undefined) throw new RangeError(`no node ${index} in workflow "${state.workflow.name}"`);
  return node;
}

export function recordAt(state: RunState, index: number): StepRecord {
  const record = state.steps[index];
  if (record === undefined) throw new RangeError(`no step ${index} in run "${state.runId}"`);
  return record;
}

/** True for steps that still run while the run is ENDING: `finally`, `runOn: failure | always`, and what is inside them. */
export function isProtected(state: RunState, node: CompiledNode): boolean {
  for (let current = node; ; current = nodeAt(state, current.parent)) {
    if (current.isCleanup || current.runOn !== 'success') return true;
    if (current.parent < 0) return false;
  }
}
