/** What the rules know of the run that they are asked about. */
import type { JsonValue } from '../../../src/core/json.ts';
import type { Reading, Spot, Value } from './expressions.ts';
import type { End, Moment, RunFacts, StepFacts } from './facts.ts';
import type { Frame, Place } from './outline.ts';

export interface Context {
  /** Whether `due` may have come at `at`, as far as the clock can be trusted. */
  hasCome(at: number, due: number): boolean;
  readonly facts: RunFacts;
  readonly cleanupTimeoutMs: number;
  of(place: Place): StepFacts | undefined;
  /** How it ended, when that was before `position`. */
  endBefore(place: Place, position: number): (End & Moment) | undefined;
  /** What a block gives by itself, before its `output`. Throws Unknown. */
  output(place: Place): JsonValue;
  read(
    kind: 'cel' | 'template',
    text: JsonValue,
    place: Place,
    spot: Spot,
    now: number,
    more?: Partial<Reading>,
  ): Value;
  /** The `output` of the workflow. */
  readOfRun(output: JsonValue, root: Frame, now: number): Value;
  /** Every step of the run, those of all iterations included. */
  all(): readonly Place[];
  /** The steps at the top of one iteration or item. */
  body(block: Place, number: number): readonly Place[];
  /** Something happened that must not have. */
  fault(place: Place, text: string): void;
  /** The same, of the run. */
  faultOfRun(text: string): void;
}

/** Its own `onFailure: continue`. A parallel says so of itself and of its children. */
export function continues({ node: { step } }: Place): boolean {
  return 'onFailure' in step && step.onFailure === 'continue';
}

export function isFailed(end: End | undefined): boolean {
  return end?.status === 'FAILED' || end?.status === 'TIMED_OUT';
}

/**
 * Nobody handles its failure: neither a step around it, nor the policy of a parallel or a map, nor the fallback of a block, which that
 * calls for when all in it is over. What belongs to a step fails nobody but its owner, whose own end says so.
 */
export function isUnhandled(place: Place): boolean {
  if (place.belongs !== undefined) return false;
  for (let at: Place = place; ; at = at.around) {
    if (continues(at)) return false;
    if (at.around === undefined) return true;
    if (hasPolicy(at.around) || at.around.node.fallback !== undefined) return false;
  }
}

/** It says what the failure of one of its children, or of an item, means. */
export function hasPolicy({ node: { step } }: Place): boolean {
  return step.type === 'parallel' || step.type === 'map';
}

export const anySkip: End = { status: 'SKIPPED' };
export const cancelled: End = { status: 'CANCELLED' };
