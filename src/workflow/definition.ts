/**
 * A workflow definition in its one normal form: every edge stated, every duration in milliseconds, every default that
 * the engine needs left to `compile`. All four ways of writing a workflow (builder, YAML, JSON, proto) end here, and
 * the content hash that numbers versions is taken over it.
 *
 * Expressions are kept as text (`${{ }}` in templates, bare CEL in conditions); nothing here is code.
 */
import type { JsonObject, JsonValue } from '../core/json.ts';

export type Priority = 'critical' | 'high' | 'normal' | 'low';
export type RunOn = 'success' | 'failure' | 'always';
export type FailureMode = 'fail' | 'continue';
export type ParallelPolicy = 'failFast' | 'waitAll' | 'continue';
export type IterationsEnd = 'fail' | 'stop';
/** What becomes of a run for which there is no room: it waits, it is refused, or the oldest one is cancelled. */
export type ConcurrencyOverflow = 'queue' | 'reject' | 'cancelOldest';

export interface WorkflowDefinition {
  readonly name: string;
  readonly label?: string;
  readonly description?: string;
  /** JSON Schema of the parameters. */
  readonly parameters?: JsonObject;
  /** Names of the secrets that its steps may get. */
  readonly secrets?: readonly string[];
  readonly timeoutMs?: number;
  /** More tries of a run that failed; absent: none. */
  readonly retries?: number;
  /** Runs of all versions that may be active at once; absent: any number. */
  readonly concurrency?: ConcurrencyDefinition;
  readonly priority?: Priority;
  /** Starts runs of its newest version by the clock. */
  readonly schedule?: ScheduleDefinition;
  /** Template of the run's output; without it the output is null. */
  readonly output?: JsonValue;
  readonly steps: readonly StepDefinition[];
  readonly finally?: readonly StepDefinition[];
  readonly cleanupTimeoutMs?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly metadata?: JsonObject;
}

export interface ConcurrencyDefinition {
  /** At least 1. */
  readonly limit: number;
  /** Default queue. */
  readonly overflow?: ConcurrencyOverflow;
}

/** When runs start, and with what. What is left out is what a schedule without it has. */
export interface ScheduleDefinition {
  readonly cron: string;
  /** An IANA name; default UTC. */
  readonly timezone?: string;
  /** Of each run; absent: `{}`. */
  readonly parameters?: JsonObject;
  /** Of each run, besides those of the workflow. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Of each run; absent: that of the workflow. */
  readonly priority?: Priority;
  /** Default skip. */
  readonly overlap?: ScheduleOverlap;
  /** Default one. */
  readonly catchUp?: ScheduleCatchUp;
  /** Default 1 day. */
  readonly catchUpWindowMs?: number;
  /** How it begins, and what it becomes when a version says it otherwise than the one before; absent: false. */
  readonly paused?: boolean;
}

/** What a tick does while the last run of the schedule is open. */
export type ScheduleOverlap = 'skip' | 'allow' | 'cancelOther';
/** Which of the ticks that nobody saw are made up for: none, the newest, all within the window. */
export type ScheduleCatchUp = 'none' | 'one' | 'all';

export type StepDefinition =
  | AgentStepDefinition
  | ParallelStepDefinition
  | SequentialStepDefinition
  | ConditionStepDefinition
  | SwitchStepDefinition
  | SetStepDefinition
  | WaitStepDefinition
  | SignalStepDefinition
  | LoopStepDefinition
  | MapStepDefinition
  | WorkflowStepDefinition;

export interface StepCommon {
  readonly id: string;
  readonly name?: string;
  readonly description?: string;
  /** Ids of siblings; always stated (empty: starts with its block). */
  readonly dependencies: readonly string[];
  /** CEL, with or without braces; false skips the step. */
  readonly when?: string;
  readonly runOn?: RunOn;
  readonly totalTimeoutMs?: number;
  /** Template over `result`. */
  readonly output?: JsonValue;
  /** CEL over `output` (and `result`); false fails the step with ASSERTION_FAILED. */
  readonly assert?: string;
  readonly metadata?: JsonObject;
  /** Runs when this step has FAILED or TIMED_OUT; when it completes, its output is this step's. */
  readonly fallback?: AttachedStepDefinition;
  /** Undoes this step when it completed and the run does not. */
  readonly compensate?: AttachedStepDefinition;
}

/** A step that belongs to another one: no edges, and nothing that its owner decides (`runOn`, `onFailure`, steps of its own). */
export type AttachedStepDefinition = AgentStepDefinition;
export type AttachedKind = 'fallback' | 'compensate';

export interface AgentStepDefinition extends StepCommon {
  readonly type: 'agent';
  readonly action: string;
  readonly agentId?: string;
  /** semver range of the capability. */
  readonly version?: string;
  readonly agentLabels?: Readonly<Record<string, string>>;
  /** Template; absent means `{}`. */
  readonly parameters?: JsonValue;
  readonly onFailure?: FailureMode;
  /** Per attempt; absent: one hour; 0: none. */
  readonly timeoutMs?: number;
  readonly queueTimeoutMs?: number;
  readonly heartbeatTimeoutMs?: number;
  readonly retry?: RetryPolicy;
  readonly priority?: Priority;
  readonly idempotent?: boolean;
  readonly lossWindowMs?: number;
  /** Attempts of the same key, over all runs, that may run at once; absent: no key. */
  readonly concurrencyKey?: ConcurrencyKeyDefinition;
}

export interface ConcurrencyKeyDefinition {
  /** Template; when it gives null or '' the step has no key. */
  readonly key: string;
  /** Default 1. */
  readonly limit?: number;
}

export interface RetryPolicy {
  /** Tries in all, the first included; at least 1. */
  readonly tries: number;
  /** Default 1 s. */
  readonly backoffMs?: number;
  /** Default 2. */
  readonly factor?: number;
  /** Default 1 min. */
  readonly maxBackoffMs?: number;
  /** Default true: full jitter. */
  readonly jitter?: boolean;
  /** Error codes that are never tried again. */
  readonly nonRetryable?: readonly string[];
  /** Prefer an instance that has not failed this step. */
  readonly onDifferentAgent?: boolean;
  /** Try again when `assert` is false; default false. */
  readonly onAssert?: boolean;
}

export interface ParallelStepDefinition extends StepCommon {
  readonly type: 'parallel';
  readonly steps: readonly StepDefinition[];
  /** Children at once; absent: all. */
  readonly concurrency?: number;
  /** Default waitAll. */
  readonly onFailure?: ParallelPolicy;
  /** Instead of `onFailure`: done when so many children COMPLETED; the rest is stopped. */
  readonly quorum?: number;
}

export interface SequentialStepDefinition extends StepCommon {
  readonly type: 'sequential';
  readonly steps: readonly StepDefinition[];
  readonly onFailure?: FailureMode;
}

/** One of two lists runs; the steps of the other are SKIPPED. At least one of them is not empty. */
export interface ConditionStepDefinition extends StepCommon {
  readonly type: 'condition';
  /** CEL, with or without braces. */
  readonly if: string;
  readonly then: readonly StepDefinition[];
  readonly else?: readonly StepDefinition[];
  readonly onFailure?: FailureMode;
}

/** The list of the first case that equals the value runs. */
export interface SwitchStepDefinition extends StepCommon {
  readonly type: 'switch';
  /** CEL, with or without braces. */
  readonly switch: string;
  readonly cases: readonly SwitchCase[];
  /** When no case does; absent: nothing. */
  readonly default?: readonly StepDefinition[];
  readonly onFailure?: FailureMode;
}

export interface SwitchCase {
  readonly equals: JsonScalar;
  readonly steps: readonly StepDefinition[];
}

export type JsonScalar = string | number | boolean | null;

/** A value computed by the control plane; it is the step's output. */
export interface SetStepDefinition extends StepCommon {
  readonly type: 'set';
  /** Template. */
  readonly set: JsonValue;
  readonly onFailure?: FailureMode;
}

/** Exactly one of `forMs`, `for` and `until`. */
export interface WaitStepDefinition extends StepCommon {
  readonly type: 'wait';
  readonly forMs?: number;
  /** The same as an expression: milliseconds, or the text of a duration. */
  readonly for?: string;
  /** A time, or an expression that gives one; bare CEL, too. */
  readonly until?: string;
  readonly onFailure?: FailureMode;
}

export interface SignalStepDefinition extends StepCommon {
  readonly type: 'signal';
  /** Name of the signal. */
  readonly signal: string;
  /** What somebody is asked; a template. */
  readonly title?: string;
  /** Actors that may send it; absent: anybody. */
  readonly answerers?: readonly string[];
  /** JSON Schema that what is sent must fit; absent: anything. */
  readonly form?: JsonObject;
  /** Absent: it waits for ever. */
  readonly timeoutMs?: number;
  /** Template of the payload when the timeout is over; absent: it ends TIMED_OUT then. */
  readonly default?: JsonValue;
  readonly onFailure?: FailureMode;
}

export interface LoopStepDefinition extends StepCommon {
  readonly type: 'loop';
  /** CEL over `iteration` and `last`; the body runs while it is true. One of `while` and `until` is there. */
  readonly while?: string;
  /** CEL over `iteration` and `last`; asked after each iteration, and true ends the loop. */
  readonly until?: string;
  readonly body: readonly StepDefinition[];
  readonly maxIterations: number;
  /** What reaching `maxIterations` means; default fail. */
  readonly onMaxIterations?: IterationsEnd;
  /** Between iterations; absent: none. */
  readonly delayMs?: number;
  readonly onFailure?: FailureMode;
}

/** A run of another workflow. */
export interface WorkflowStepDefinition extends StepCommon {
  readonly type: 'workflow';
  /** Its name. */
  readonly workflow: string;
  /** Absent: the latest when the step starts. */
  readonly version?: number;
  /** Template; absent means `{}`. */
  readonly parameters?: JsonValue;
  readonly onFailure?: FailureMode;
}

export interface MapStepDefinition extends StepCommon {
  readonly type: 'map';
  /** A template that gives a list; text is CEL. */
  readonly items: JsonValue;
  /** What is done with each item. */
  readonly step: StepDefinition;
  /** Items at once; absent: 100. */
  readonly concurrency?: number;
  /** What the failure of an item means; default waitAll. */
  readonly onFailure?: ParallelPolicy;
  /** Instead of `onFailure`: done when so many items COMPLETED; the rest is stopped. */
  readonly quorum?: number;
}

/** True for blocks whose body runs more than once, so that no step outside can read a step of it. */
export function runsBodies(step: StepDefinition): step is LoopStepDefinition | MapStepDefinition {
  return step.type === 'loop' || step.type === 'map';
}
