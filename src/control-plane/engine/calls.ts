/**
 * Calls of handlers, as the run of the caller sees them. They leave no event in it: which call belongs to which step is in the call
 * itself (docs/adr/0023-calls.md), and here stands only what a step in some state means for them.
 */
import type { Priority } from '../../workflow/definition.ts';
import { findAttempt } from './attempts.ts';
import { childDepthOf } from './child-runs.ts';
import type { ParentStep } from './events.ts';
import { findAgentStep } from './frames.ts';
import type { AgentStep, RunState } from './state.ts';
import { type AttemptOutcome, isRunOver, isStepOver } from './status.ts';
import { isFallingBack } from './step-tree.ts';
import { isStopping } from './stop.ts';

/** A step, in one try of its run: in another try it starts again, with calls of its own. */
export interface CallingStep {
  readonly path: string;
  /** Of the run. */
  readonly try: number;
}

export type Caller =
  | {
      readonly kind: 'live';
      readonly parent: ParentStep;
      readonly try: number;
      readonly namespace: string;
      readonly priority: Priority;
    }
  | { readonly kind: 'unknown' }
  /** `outcome` undefined: it is being stopped. */
  | { readonly kind: 'over'; readonly outcome: AttemptOutcome | undefined };

/** Whether the handler of this attempt may call now. */
export function callerOf(
  state: RunState,
  { path, number }: { readonly path: string; readonly number: number },
): Caller {
  const step = findAgentStep(state, path);
  const attempt = step === undefined ? undefined : findAttempt(step, number);
  if (step === undefined || attempt === undefined) return { kind: 'unknown' };
  if (attempt.outcome !== undefined) return { kind: 'over', outcome: attempt.outcome };
  if (isBeingStopped(state, step)) return { kind: 'over', outcome: undefined };
  return {
    kind: 'live',
    parent: { runId: state.runId, path, depth: childDepthOf(state) },
    try: state.try,
    namespace: state.namespace,
    priority: step.node.priority ?? state.priority,
  };
}

/** A call may begin for the step: whatever attempt asked, another one of it may have the answer. */
export function mayBeginCall(state: RunState, made: CallingStep): boolean {
  const step = findAgentStep(state, made.path);
  return step !== undefined && isCalling(state, made) && !isBeingStopped(state, step);
}

/** An attempt of the step runs or may yet come: somebody may want the answer. */
export function isCalling(state: RunState, { path, try: made }: CallingStep): boolean {
  if (isRunOver(state.status) || state.try !== made) return false;
  const step = findAgentStep(state, path);
  return step !== undefined && !isStepOver(step.status) && !isFallingBack(step);
}

function isBeingStopped(state: RunState, step: AgentStep): boolean {
  return (step.detail?.stoppingUntil ?? 0) > 0 || isStopping(state, step);
}
