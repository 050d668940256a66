import { findStep } from '../engine/frames.ts';
import { isChildStep, type RunState } from '../engine/state.ts';
import { isStepOver } from '../engine/status.ts';
import { type WantedChild, wantedBy } from './child-start.ts';

/** A step and its child run, as the parent knows them. */
export interface Seen {
  readonly wanted: WantedChild;
  /** Undefined: it has none yet. */
  readonly childRunId: string | undefined;
  /** Its step is to end as the child run does. */
  readonly isWanted: boolean;
  readonly isStepOver: boolean;
}

/** Undefined: the step asks for nothing now. */
export function see(state: RunState, path: string): Seen | undefined {
  const step = findStep(state, path);
  if (step === undefined || !isChildStep(step)) return undefined;
  const { status, detail } = step;
  const childRunId = detail?.child?.runId;
  const isWaiting = status === 'WAITING';
  if (childRunId === undefined && (!isWaiting || state.pausedAt > 0)) return undefined;
  const isWanted = isWaiting && (detail?.stoppingUntil ?? 0) === 0;
  return { wanted: wantedBy(state, step), childRunId, isWanted, isStepOver: isStepOver(status) };
}
