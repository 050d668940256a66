/**
 * What can be asked of a run, and what must happen outside once the answer is durable.
 */
import type { StoredValue } from '../../core/stored-value.ts';
import type { CompiledWorkflow } from '../../workflow/compiled.ts';
import type { Priority } from '../../workflow/definition.ts';
import type { Failure, ParentStep, RunEvent, Usage } from './events.ts';
import type { AgentStep, Step } from './state.ts';
import type { ResultVerdict, RunOutcome, StopReason } from './status.ts';
import type { TakenOver } from './take-over.ts';

export type Command =
  | StartRun
  | AdmitRun
  | AssignStep
  | SettleAttempt
  | EndAttempt
  | RerouteAttempt
  | ReturnAttempt
  | TimerFired
  | ConfirmStop
  | CancelRun
  | PauseRun
  | ResumeRun
  | FailRun
  | SignalRun
  | BeginChild
  | SettleChild
  | Continue;

export interface StartRun {
  readonly type: 'StartRun';
  readonly runId: string;
  readonly namespace: string;
  readonly workflow: CompiledWorkflow;
  readonly params: StoredValue;
  readonly priority: Priority;
  readonly requestId?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Another try of an ended run: what it takes over from it (`takeOver`). */
  readonly retry?: { readonly of: string; readonly steps: readonly TakenOver[] };
  /** The run whose parameters these are, changed or not. */
  readonly rerunOf?: string;
  /** The step that it is the child run of. */
  readonly parent?: ParentStep;
  /** Of this run, instead of what its workflow says; absent: that. */
  readonly timeoutMs?: number;
  /** It waits until AdmitRun: its workflow limits how many runs are active. Absent: it starts at once. */
  readonly queued?: true;
}

/** There is room for a QUEUED run: it starts. */
export interface AdmitRun {
  readonly type: 'AdmitRun';
}

/** The scheduler chose an instance for a queued step: the lease. */
export interface AssignStep {
  readonly type: 'AssignStep';
  readonly path: string;
  readonly agentId: string;
  readonly instanceId: string;
  /** What the instance's capability says; the step's own word goes first. */
  readonly idempotent: boolean;
  /** An earlier attempt saved a checkpoint, and this one gets it. Default false. */
  readonly resumed?: boolean;
  /** Default timeout that the capability states; used when the step states none. 0: it states none. */
  readonly timeoutMs: number;
}

export type AttemptResult =
  | { readonly kind: 'completed'; readonly output: StoredValue }
  | {
      readonly kind: 'failed';
      readonly failure: Failure;
      readonly retryable: boolean;
      readonly retryAfterMs: number;
    }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'handedBack' };

/** A result from the instance that holds the attempt. Answered with a verdict. */
export interface SettleAttempt {
  readonly type: 'SettleAttempt';
  readonly path: string;
  readonly number: number;
  readonly instanceId: string;
  readonly result: AttemptResult;
  /** What the attempt has used; absent: it said nothing. */
  readonly usage?: Usage;
}

/** The attempt ended without a result: refused, not accepted in time, its instance is LOST, or it never reached one (HANDED_BACK). */
export interface EndAttempt {
  readonly type: 'EndAttempt';
  readonly path: string;
  readonly number: number;
  readonly outcome: 'REJECTED' | 'NOT_ACCEPTED' | 'LOST' | 'HANDED_BACK';
  readonly message: string;
  /** The agent says that the input is wrong: no other agent will take it either. */
  readonly invalidInput?: boolean;
  /** It cannot be given to anybody: the step fails with this, unless somebody has it already. */
  readonly failure?: Pick<Failure, 'code' | 'message'>;
  /** What the attempt has used; absent: it said nothing. */
  readonly usage?: Usage;
}

/** The stream of the instance ended: offer an idempotent attempt to another at once. */
export interface RerouteAttempt {
  readonly type: 'RerouteAttempt';
  readonly path: string;
  readonly number: number;
}

/** The instance is back and has the attempt. Answered with whether it is still LIVE. */
export interface ReturnAttempt {
  readonly type: 'ReturnAttempt';
  readonly path: string;
  readonly number: number;
}

/** A task row came due. What the runtime knows beside the state is filled in when it is decided. */
export interface TimerFired {
  readonly type: 'TimerFired';
  readonly path: string;
  readonly attempt: number;
  /** Wall ms of the last sign of life of the handler, for `heartbeatTimeout`. */
  readonly heardAt: number;
  /**
   * Wall ms until when an attempt of the step, or of the run, that we ended and that is not idempotent may run without having heard
   * of it; then to be asked again. 0: none does.
   */
  readonly mayRunUntil: number;
  /** What the attempt has used so far; absent: it said nothing. */
  readonly usage?: Usage;
}

/** The instance says what it has, and an attempt that we ended is not among it: it has stopped, without a word of its own. */
export interface ConfirmStop {
  readonly type: 'ConfirmStop';
  readonly path: string;
  readonly number: number;
}

export interface CancelRun {
  readonly type: 'CancelRun';
  readonly reason: string;
  /** A run that is ending is left to its cleanup: a repeat does nothing. Absent: a second cancel ends the cleanup. */
  readonly onlyFirst?: true;
}

export interface PauseRun {
  readonly type: 'PauseRun';
  readonly reason: string;
}

export interface ResumeRun {
  readonly type: 'ResumeRun';
}

/** Answered with whether it was taken in; a repeat of a request id changes nothing. */
export interface SignalRun {
  readonly type: 'SignalRun';
  readonly name: string;
  /** Bytes of a Value. */
  readonly payload: Uint8Array;
  /** Made up when the caller gave none, so that a command which is decided again sends no second signal. */
  readonly requestId: string;
  readonly actor: string | undefined;
}

/** What a `workflow` step asked for can be had: its child run begins with this. Nothing when it has one, or no longer wants one. */
export interface BeginChild {
  readonly type: 'BeginChild';
  readonly path: string;
  /** The id that the child run will have. */
  readonly runId: string;
  readonly version: number;
  /** Of the parent when it asked: another try asks anew. */
  readonly try: number;
}

/** The child run of a step is over, or there will be none. The first word counts. */
export interface SettleChild {
  readonly type: 'SettleChild';
  readonly path: string;
  /** The child run; undefined: none was begun. */
  readonly runId: string | undefined;
  readonly end: ChildEnd;
  /** Where none was begun: of the parent when it asked. */
  readonly try?: number;
}

export type ChildEnd =
  | { readonly kind: 'ended'; readonly status: RunOutcome; readonly output?: StoredValue; readonly failure?: Failure }
  | { readonly kind: 'refused'; readonly failure: Failure };

/** The run cannot go on (a limit, a broken invariant): it ends FAILED at once, without cleanup. */
export interface FailRun {
  readonly type: 'FailRun';
  readonly failure: Failure;
}

/** Goes on with steps that waited for stored values ('' is the run); made by the engine itself (`Decision.resume`). */
export interface Continue {
  readonly type: 'Continue';
  readonly paths: readonly string[];
}

export type Effect =
  | TaskEffect
  | TaskDone
  | Dispatch
  | Stop
  | StoreBlob
  | RunOver
  | SeekChild
  | StartChild
  | CancelChild;

/** The row of an attempt that is queued, delayed or leased, or of a timer (attempt 0). Replaces an earlier one with the same key. */
export interface TaskEffect {
  readonly type: 'task';
  /** Undefined for the run's own timer. */
  readonly step: Step | undefined;
  readonly path: string;
  readonly attempt: number;
  readonly state: 'queued' | 'delayed' | 'leased' | 'timer';
  /** Nearest deadline, wall ms; 0: none. */
  readonly dueAt: number;
  readonly agentId: string;
  readonly instanceId: string;
  /** Of a queued step: instances to avoid while another can take it. */
  readonly avoid?: readonly string[];
  /** Only `dueAt` changed: it waits already. */
  readonly isRefresh?: true;
}

export interface TaskDone {
  readonly type: 'taskDone';
  readonly path: string;
  readonly attempt: number;
  /** It waited for an agent. */
  readonly wasQueued?: true;
}

/** Hand the attempt to its instance. */
export interface Dispatch {
  readonly type: 'dispatch';
  readonly step: AgentStep;
  readonly path: string;
  readonly number: number;
  readonly try: number;
  readonly instanceId: string;
  readonly idempotent: boolean;
  readonly input: StoredValue;
  /** Wall ms; 0: none. */
  readonly deadlineAt: number;
}

export interface Stop {
  readonly type: 'stop';
  readonly path: string;
  readonly number: number;
  readonly instanceId: string;
  readonly reason: StopReason;
  readonly graceMs: number;
}

export interface StoreBlob {
  readonly type: 'storeBlob';
  readonly blobId: string;
  readonly bytes: Uint8Array;
}

export interface RunOver {
  readonly type: 'runOver';
}

/** The step wants a child run: see whether it can be had, and answer with BeginChild or SettleChild. */
export interface SeekChild {
  readonly type: 'seekChild';
  readonly path: string;
}

/** The child run begins, if it can in this very commit. */
export interface StartChild {
  readonly type: 'startChild';
  readonly runId: string;
}

/** Nobody waits for the child run's work any more. */
export interface CancelChild {
  readonly type: 'cancelChild';
  readonly path: string;
  readonly runId: string;
  /** Its cleanup is to end, too, if it was cancelled before. */
  readonly kill: boolean;
}

export type Answer =
  | { readonly type: 'none' }
  | { readonly type: 'result'; readonly verdict: ResultVerdict }
  | { readonly type: 'return'; readonly isLive: boolean }
  | { readonly type: 'assign'; readonly number: number }
  /** `already`: the run's end was decided before. */
  | { readonly type: 'cancel'; readonly already: boolean }
  /** Of a pause and a resume: false when there was nothing to do it to. */
  | { readonly type: 'pause'; readonly isAccepted: boolean }
  | { readonly type: 'signal'; readonly isRepeat: boolean; readonly refusal: SignalRefusal | undefined };

/** Why a signal was not taken in. */
export interface SignalRefusal {
  readonly code: string;
  readonly message: string;
  readonly next: string;
}

export interface Decision {
  readonly events: readonly RunEvent[];
  readonly effects: readonly Effect[];
  readonly answer: Answer;
  /**
   * Set when stored values are missing. The caller loads them and calls `decide` with `resume`; nothing of this run may
   * be committed before that, so that a command stays atomic.
   */
  readonly needs: { readonly blobIds: readonly string[]; readonly resume: Command } | undefined;
}
