/**
 * What the table of docs/coverage.md is made of. A block is one entry: its definition in every form, and what becomes of a run in
 * every situation. scripts/gen/coverage.ts reads it, too, so nothing here may need a test runner.
 */
import type { JsonObject } from '../../../src/core/json.ts';
import type { TestMesh, TestRun } from '../../../src/testing/index.ts';
import type { Workflow } from '../../../src/workflow/builder/index.ts';

export const forms = ['typed', 'plain', 'yaml', 'json', 'proto'] as const;
export type Form = (typeof forms)[number];

export const situations = ['success', 'failure', 'timeout', 'cancel', 'loss', 'restart', 'pause'] as const;
export type Situation = (typeof situations)[number];

/** The step `block` of a workflow of three: `before`, `block`, `after`. */
export interface Entry {
  /** Of the test's name. A block of the language, or what every block may have. */
  readonly block: string;
  /** Of the page. */
  readonly title: string;
  readonly forms: {
    /** With capabilities and callbacks. */
    readonly typed: () => Workflow;
    /** With names and text. */
    readonly plain: () => Workflow;
    /** Of the step alone. The JSON form is the same as data. */
    readonly yaml: string;
    /** Of the step alone, as `yardmaster.v1.Step` in JSON. */
    readonly proto: JsonObject;
    /** What stands below the body, in either form. */
    readonly end?: { readonly yaml: string; readonly proto: JsonObject };
  };
  /** Other workflows that have to be there, in the written form. */
  readonly also?: readonly JsonObject[];
  /** What the block gives whenever it completes. */
  readonly output: unknown;
  readonly situations: Readonly<Record<Situation, Outcome | NotApplicable>>;
}

export interface NotApplicable {
  /** Why there is no such situation. */
  readonly na: string;
}

export interface Outcome {
  /** What becomes of the run, as a sentence. */
  readonly what: string;
  readonly status: 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'TIMED_OUT';
  /** Of the run's error. */
  readonly code?: string;
  /** Every attempt with its outcome, first and last minute, such as `left#1 COMPLETED 0-5`. */
  readonly history: readonly string[];
  /** The same of runs that the block itself started, with the workflow in front, such as `Part/work#1 COMPLETED 0-5`; default none. */
  readonly others?: readonly string[];
  /** Status of every step by path, at the end. */
  readonly steps: Readonly<Record<string, string>>;
  /** Of the run; default `{ n: 1 }`. */
  readonly params?: object;
  /** After two minutes, when what the situation is named after has happened. */
  readonly meanwhile?: (mesh: TestMesh, run: TestRun) => Promise<unknown>;
  /** How long `before` takes; default: no time. For blocks that take none, so that things happen before them. */
  readonly beforeTakes?: string;
  /** Of a pause: the history right before the run is resumed, 20 minutes later. */
  readonly paused?: readonly string[];
}

export function isOutcome(cell: Outcome | NotApplicable): cell is Outcome {
  return 'what' in cell;
}

export function cellName(block: string, form: Form, situation: Situation): string {
  return `${block}/${form}/${situation}`;
}

export function testName({ block, situations: of }: Entry, form: Form, situation: Situation): string {
  const cell = of[situation];
  return `${cellName(block, form, situation)}: ${isOutcome(cell) ? cell.what : cell.na}`;
}
