/** What a callback sees: parameters, earlier steps, the run. */
import type { Recorded, Recorder, Untyped } from './recorded.ts';
import { createRecorder } from './recorder.ts';

export type StepStatusName = 'COMPLETED' | 'FAILED' | 'SKIPPED' | 'CANCELLED' | 'TIMED_OUT';

/** An earlier step. Its output exists when it COMPLETED; reading a missing one fails with MISSING_DATA. */
export interface StepReference<Output> {
  readonly output: Recorder<Output>;
  readonly status: Recorder<StepStatusName>;
  readonly error: Recorder<{ readonly code: string; readonly message: string }>;
  /** Id of the agent that had the last attempt. */
  readonly agent: Recorder<string>;
  /** Number of the last attempt, from 1. */
  readonly attempt: Recorder<number>;
}

/** `Steps` maps the ids of the steps that may be read to the types of their outputs. */
export interface Scope<Params, Steps> {
  readonly params: Recorder<Params>;
  readonly steps: { readonly [Id in keyof Steps]: StepReference<Steps[Id]> };
  /** `try`: of the run, from 1. */
  readonly run: Recorder<{
    readonly id: string;
    readonly namespace: string;
    readonly startedAt: unknown;
    readonly try: number;
  }>;
  readonly workflow: Recorder<{ readonly name: string; readonly version: number }>;
  /** The decision's time, a CEL timestamp. */
  readonly now: Recorded<unknown>;
  /** Only in a loop: from 1. */
  readonly iteration: Recorder<number>;
  /** Only in a loop: the output of the last body, null in the first iteration. */
  readonly last: Recorder<Untyped>;
  /** Only in a map: one of its items. */
  readonly item: Recorder<Untyped>;
  /** Only in a map: where it stands in the list, from 0. */
  readonly index: Recorder<number>;
}

/** In a step's `output`: `result` is what the agent answered. */
export interface OutputScope<Params, Steps, Result> extends Scope<Params, Steps> {
  readonly result: Recorder<Result>;
}

/** In `assert`: `output` is what the step's `output` made of `result`. */
export interface AssertScope<Params, Steps, Result> extends OutputScope<Params, Steps, Result> {
  readonly output: Recorder<Untyped>;
}

/** The scope at run time serves every callback: recorders take any path, and the checks of the definition know better. */
export function createScope(): AssertScope<Untyped, Untyped, Untyped> {
  return Object.freeze({
    params: createRecorder<Untyped>('params'),
    steps: createRecorder<Untyped>('steps'),
    run: createRecorder<{ id: string; namespace: string; startedAt: unknown; try: number }>('run'),
    workflow: createRecorder<{ name: string; version: number }>('workflow'),
    now: createRecorder<string>('now'),
    iteration: createRecorder<number>('iteration'),
    last: createRecorder<Untyped>('last'),
    item: createRecorder<Untyped>('item'),
    index: createRecorder<number>('index'),
    result: createRecorder<Untyped>('result'),
    output: createRecorder<Untyped>('output'),
  });
}
