/**
 * Steps that are runs of other workflows. Such a step begins by asking for its child run (`seekChild`): the version and the
 * parameters are looked at outside. It ends when the child run does, told by SettleChild.
 */
import { YardmasterError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import type { Draft } from './decision.ts';
import { failStep } from './failure.ts';
import { EMPTY_INPUT, evaluateTemplate } from './outputs.ts';
import { totalTimeoutFailure } from './overtime.ts';
import type { ChildStep, RunState } from './state.ts';
import { stopChild } from './stop-child.ts';
import { dropWaiting, timerTask, totalDue } from './tasks.ts';

/** Of the child runs of a run. */
export function childDepthOf({ parent }: RunState): number {
  return (parent?.depth ?? 0) + 1;
}

/** Begins to wait. Throws MissingValues, what its expressions throw, and CHILD_DEPTH. */
export function openChild(draft: Draft, step: ChildStep): void {
  const { path, frame, node } = step;
  if (childDepthOf(draft.state) > limits.childDepthMax) throw tooDeep(step);
  const { parameters } = node;
  const input = parameters === undefined ? EMPTY_INPUT : evaluateTemplate(draft, frame, parameters, `in/${path}`);
  draft.emit({ type: 'StepWaiting', at: draft.now, path, input });
  if (totalDue(step) > 0) timerTask(draft, step, totalDue(step));
  draft.work.push(step);
}

function tooDeep({ path, node }: ChildStep): YardmasterError {
  const fact = `child runs stand in child runs, ${limits.childDepthMax} deep at most`;
  return new YardmasterError('CHILD_DEPTH', `Cannot start "${node.workflow}" for "${path}": ${fact}`, {
    next: 'end the recursion with "when", or use a loop',
  });
}

/** A step that has no child run yet asks for it; in a paused run it waits with that, too. */
export function seekChild(draft: Draft, { path, detail }: ChildStep): void {
  if (detail?.child === undefined && draft.state.pausedAt === 0) draft.effect({ type: 'seekChild', path });
}

/** The row came due: the child run is stopped, and the step times out when that is done. */
export function childTimer(draft: Draft, step: ChildStep): void {
  const due = totalDue(step);
  if (due === 0) return;
  if (due > draft.now) return timerTask(draft, step, due);
  const failure = totalTimeoutFailure(step);
  if (step.detail?.child !== undefined) return stopChild(draft, step, failure);
  dropWaiting(draft, step);
  failStep(draft, step, 'TIMED_OUT', failure);
}
