/**
 * What was decided about a run, in order. The journal is the list of these; a run's state is their fold. Times are wall
 * milliseconds of the decision; a path is a step id with its loop and map prefix.
 */
import type { JsonObject } from '../../core/json.ts';
import type { SecretMark } from '../../core/secret-mark.ts';
import type { StoredValue } from '../../core/stored-value.ts';
import type { Priority } from '../../workflow/definition.ts';
import type { AttemptOutcome, RunOutcome, StepEnd } from './status.ts';

/** Why something failed: stored, shown, never thrown. */
export interface Failure {
  /** UPPER_SNAKE; the handler's own code, or one of docs/errors.md. */
  readonly code: string;
  readonly message: string;
  readonly details?: JsonObject;
  /** The step that failed, for a run's or a block's failure. */
  readonly path?: string;
  readonly attempt?: number;
  readonly agentId?: string;
  readonly instanceId?: string;
}

export type SkipReason = 'WHEN' | 'RUN_ON' | 'DEPENDENCY' | 'RUN_ENDING' | 'BLOCK_STOPPED' | 'BRANCH';

interface At {
  readonly at: number;
}

export interface RunCreated extends At {
  readonly type: 'RunCreated';
  readonly runId: string;
  readonly namespace: string;
  readonly workflow: string;
  readonly version: number;
  readonly params: StoredValue;
  readonly priority: Priority;
  readonly requestId?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** The ended run that this one is another try of; what it takes over from it follows as StepTakenOver. */
  readonly retryOf?: string;
  /** The run whose parameters it was started with, changed or not. */
  readonly rerunOf?: string;
  /** The step that it is the child run of. */
  readonly parent?: ParentStep;
}

/** The step of another run that waits for this one. */
export interface ParentStep {
  readonly runId: string;
  readonly path: string;
  /** Of this run: 1 when its parent has none. */
  readonly depth: number;
}

export interface RunStarted extends At {
  readonly type: 'RunStarted';
  /** When the run times out; absent: never. */
  readonly deadlineAt?: number;
}

/**
 * The run is another try, and this step is over from its beginning, as it was in the run before; it may be in a block that has yet to
 * open. Everything that is known of it is here: no replay needs the run before.
 */
export interface StepTakenOver extends At {
  readonly type: 'StepTakenOver';
  readonly path: string;
  readonly status: 'COMPLETED' | 'FAILED' | 'TIMED_OUT' | 'CANCELLED' | 'SKIPPED';
  readonly output?: StoredValue;
  readonly failure?: Failure;
  /** Of a skip. */
  readonly reason?: SkipReason;
  readonly because?: string;
  /** Attempts that it took, and the agent of the last one: what expressions see of them. */
  readonly number: number;
  readonly agentId?: string;
  /** Of a condition or a switch: the branch that ran, from 0. */
  readonly branch?: number;
}

/**
 * The run is another try, and this loop or map goes on where that of the run before was cut short. What is known of the steps of the
 * iteration that did not end follows as StepTakenOver; an item that did not complete begins anew.
 */
export interface BodiesTakenOver extends At {
  readonly type: 'BodiesTakenOver';
  readonly path: string;
  /** Absent: of a loop, in which no iteration had ended. */
  readonly kept?: KeptIterations | KeptItems;
}

/** How many iterations of a loop ended, and what the last of them gave. */
export interface KeptIterations {
  readonly iterations: number;
  readonly last: StoredValue;
}

/** The list of a map, and what the items gave that COMPLETED. */
export interface KeptItems {
  readonly list: StoredValue;
  readonly count: number;
  readonly outputs: readonly ItemOutput[];
}

export interface ItemOutput {
  /** From 0. */
  readonly number: number;
  readonly output: StoredValue;
}

/** A block opened (parallel, sequential, condition, loop, map), or a step that needs no agent began (`set`, which ends in the same decision). */
export interface BlockStarted extends At {
  readonly type: 'BlockStarted';
  readonly path: string;
  /** Of a condition: the branch that runs, from 0. Its choice is never made again. */
  readonly branch?: number;
  /** Of a map: its list, which is never evaluated again; `kept`: how many of its items COMPLETED in an earlier try; absent: none. */
  readonly items?: { readonly list: StoredValue; readonly count: number; readonly kept?: number };
}

/** A loop begins an iteration, or a map an item: its steps exist from here on. */
export interface BodyStarted extends At {
  readonly type: 'BodyStarted';
  readonly path: string;
  /** Of the iteration, from 1; of the item, from 0. */
  readonly number: number;
}

/** The iteration ended well, or the item ended somehow; its steps are gone, and what is left of it is its output. */
export interface BodyEnded extends At {
  readonly type: 'BodyEnded';
  readonly path: string;
  readonly number: number;
  /** Of a loop, always. Of an item: only when it was put together, and is not what its step gave. */
  readonly output?: StoredValue;
  /** Of an item whose step did not complete: how that ended. */
  readonly status?: Exclude<StepEnd, 'COMPLETED'>;
  /** When the next iteration begins; absent: now, or there is none. */
  readonly nextAt?: number;
}

/** An agent step became READY for the first time: its input is fixed from here on. */
export interface StepReady extends At {
  readonly type: 'StepReady';
  readonly path: string;
  readonly input: StoredValue;
  /** Where references to secrets stand in the input; whatever else in it looks like one is data. Absent: nowhere. */
  readonly secrets?: readonly SecretMark[];
  /** Its concurrency key; absent: none. */
  readonly key?: string;
}

/** A step of kind `wait`, `signal` or `workflow` began: nobody works on it. */
export interface StepWaiting extends At {
  readonly type: 'StepWaiting';
  readonly path: string;
  /** When the wait ends, or its timeout is over; absent: never by itself. */
  readonly dueAt?: number;
  /** What somebody is asked. */
  readonly title?: string;
  /** Of a `workflow`: what its child run is given. */
  readonly input?: StoredValue;
}

/** A step of kind `workflow` has its child run: that one begins in the same commit, or is made up for. */
export interface ChildStarted extends At {
  readonly type: 'ChildStarted';
  readonly path: string;
  readonly runId: string;
  /** Of its workflow: pinned from here on. */
  readonly version: number;
}

/** Somebody sent a signal; it is kept until a step takes it. */
export interface SignalReceived extends At {
  readonly type: 'SignalReceived';
  readonly name: string;
  /** Among the signals of the run, from 1. */
  readonly number: number;
  readonly payload: StoredValue;
  /** Who sent it; absent: nobody in particular. */
  readonly actor?: string;
  readonly requestId: string;
}

/** A waiting step took the oldest signal of its name. */
export interface SignalTaken extends At {
  readonly type: 'SignalTaken';
  readonly path: string;
  readonly number: number;
}

/** The step waits for an agent again (after a loss, a hand-back, a backoff). */
export interface StepQueued extends At {
  readonly type: 'StepQueued';
  readonly path: string;
}

/** The lease: from here the attempt is LIVE and `timeout` runs. */
export interface AttemptStarted extends At {
  readonly type: 'AttemptStarted';
  readonly path: string;
  readonly number: number;
  readonly try: number;
  readonly agentId: string;
  readonly instanceId: string;
  readonly idempotent: boolean;
  readonly deadlineAt?: number;
  /** It got what an earlier attempt had saved. */
  readonly resumed?: boolean;
}

/** The instance's stream ended and this idempotent attempt was offered to another; it stays LIVE. */
export interface AttemptUnreachable extends At {
  readonly type: 'AttemptUnreachable';
  readonly path: string;
  readonly number: number;
}

/** The instance came back with the attempt: it no longer counts as lost. */
export interface AttemptReturned extends At {
  readonly type: 'AttemptReturned';
  readonly path: string;
  readonly number: number;
}

export interface AttemptEnded extends At {
  readonly type: 'AttemptEnded';
  readonly path: string;
  readonly number: number;
  readonly outcome: AttemptOutcome;
  readonly failure?: Failure;
  /** The user's retry policy counts it (handler failures and timeouts). */
  readonly countsAsTry?: boolean;
  /** It ended by our word and the agent has not confirmed that it stopped; its slot stays taken until then. */
  readonly unconfirmed?: boolean;
  /** What it had used, as it said with its result; never empty. */
  readonly usage?: Usage;
}

/** Sums by name. */
export type Usage = Readonly<Record<string, number>>;

/** The agent confirmed that an attempt which we ended has stopped. */
export interface StopConfirmed extends At {
  readonly type: 'StopConfirmed';
  readonly path: string;
  readonly number: number;
}

/** The next try waits until `dueAt`. `backoffUntil` is the retry policy's part of it. */
export interface RetryScheduled extends At {
  readonly type: 'RetryScheduled';
  readonly path: string;
  readonly dueAt: number;
  readonly backoffUntil: number;
}

/** A running step or block was asked to stop; a result until `graceUntil` is still recorded. */
export interface StepStopping extends At {
  readonly type: 'StepStopping';
  readonly path: string;
  readonly graceUntil: number;
  /** Of a block: why it will end FAILED or TIMED_OUT (its own timeout). */
  readonly failure?: Failure;
}

export interface StepCompleted extends At {
  readonly type: 'StepCompleted';
  readonly path: string;
  /** Absent for a block without `output`: what it gives is put together from its children when somebody reads it. */
  readonly output?: StoredValue;
}

/** The step failed, and its fallback is to run: what becomes of the step is decided by that. */
export interface StepFellBack extends At {
  readonly type: 'StepFellBack';
  readonly path: string;
  /** What it ends with when the fallback does not complete either. */
  readonly status: 'FAILED' | 'TIMED_OUT';
  readonly failure: Failure;
}

export interface StepFailed extends At {
  readonly type: 'StepFailed';
  readonly path: string;
  readonly status: 'FAILED' | 'TIMED_OUT';
  readonly failure: Failure;
}

export interface StepSkipped extends At {
  readonly type: 'StepSkipped';
  readonly path: string;
  readonly reason: SkipReason;
  /** The step that caused it. */
  readonly because?: string;
}

export interface StepCancelled extends At {
  readonly type: 'StepCancelled';
  readonly path: string;
}

/** A result from a fenced attempt: it changed nothing and is kept as evidence. */
export interface LateResult extends At {
  readonly type: 'LateResult';
  readonly path: string;
  readonly number: number;
  readonly outcome: AttemptOutcome;
}

export interface CancelRequested extends At {
  readonly type: 'CancelRequested';
  readonly reason: string;
}

/** Nothing new starts until RunResumed or RunEnding. */
export interface RunPaused extends At {
  readonly type: 'RunPaused';
  readonly reason: string;
}

export interface RunResumed extends At {
  readonly type: 'RunResumed';
}

/** The first cause fixes the outcome; from here only cleanup runs, until `cleanupUntil`. */
export interface RunEnding extends At {
  readonly type: 'RunEnding';
  readonly outcome: RunOutcome;
  readonly failure?: Failure;
  readonly output?: StoredValue;
  readonly cleanupUntil: number;
}

/** The run failed and has tries left, but something of this try may still run: the next one begins at `dueAt` at the latest. */
export interface RunTryScheduled extends At {
  readonly type: 'RunTryScheduled';
  readonly dueAt: number;
}

/**
 * The next try was scheduled and will not be: the run was cancelled, or its time is over. What completed is undone now, until
 * `cleanupUntil`.
 */
export interface RunTryDropped extends At {
  readonly type: 'RunTryDropped';
  readonly cleanupUntil: number;
}

/** The run failed and is tried again: from ENDING it goes back to RUNNING. */
export interface RunTryStarted extends At {
  readonly type: 'RunTryStarted';
  /** From 2. */
  readonly try: number;
  /** When the run times out, as before; absent: never. */
  readonly deadlineAt?: number;
  /** Paths of the steps that start again, in the order of the definition; then those in iterations that go on. */
  readonly again: readonly string[];
  /**
   * Of those: loops that keep the iterations which ended, and maps that keep the items which COMPLETED; absent: none. A loop goes on in
   * the iteration that did not end when steps of it are named here, and begins that one anew when there are none.
   */
  readonly continued?: readonly string[];
}

export interface RunEnded extends At {
  readonly type: 'RunEnded';
  readonly status: RunOutcome;
  readonly output?: StoredValue;
  readonly failure?: Failure;
  /** Failures of cleanup steps, and what was not compensated; they do not change the status. */
  readonly cleanupFailures?: readonly Failure[];
  /** Signals that no step took; absent: none. */
  readonly unconsumedSignals?: number;
}

export type RunEvent =
  | RunCreated
  | RunStarted
  | StepTakenOver
  | BodiesTakenOver
  | BlockStarted
  | BodyStarted
  | BodyEnded
  | StepReady
  | StepWaiting
  | ChildStarted
  | SignalReceived
  | SignalTaken
  | StepQueued
  | AttemptStarted
  | AttemptUnreachable
  | AttemptReturned
  | AttemptEnded
  | StopConfirmed
  | RetryScheduled
  | StepStopping
  | StepCompleted
  | StepFellBack
  | StepFailed
  | StepSkipped
  | StepCancelled
  | LateResult
  | CancelRequested
  | RunPaused
  | RunResumed
  | RunEnding
  | RunTryScheduled
  | RunTryDropped
  | RunTryStarted
  | RunEnded;
