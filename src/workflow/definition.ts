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

export interface WorkflowDefinition {
  readonly name: string;
  readonly label?: string;
  readonly description?: string;
  /** JSON Schema of the parameters. */
  readonly parameters?: JsonObject;
  readonly timeoutMs?: number;
  readonly priority?: Priority;
  /** Template of the run's output; without it the output is null. */
  readonly output?: JsonValue;
  readonly steps: readonly StepDefinition[];
  readonly finally?: readonly StepDefinition[];
  readonly cleanupTimeoutMs?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly metadata?: JsonObject;
}

export type StepDefinition =
  | AgentStepDefinition
  | ParallelStepDefinition
  | SequentialStepDefinition
  | LoopStepDefinition;

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
}

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

const NO_STEPS: readonly StepDefinition[] = [];

/** The steps that stand in a block. */
export function stepsInside(step: StepDefinition): readonly StepDefinition[] {
  switch (step.type) {
    case 'agent':
      return NO_STEPS;
    case 'parallel':
    case 'sequential':
      return step.steps;
    case 'loop':
      return step.body;
  }
}

/** True for blocks whose body runs more than once, so that no step outside can read a step of it. */
export function runsBodies(step: StepDefinition): boolean {
  return step.type === 'loop';
}
