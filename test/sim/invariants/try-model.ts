/** What a journal may say of another try of a run: which steps start again, and what is kept. */
import type { RunTryStarted } from '../../../src/control-plane/engine/events.ts';
import type { StepModel } from './run-model.ts';

/** What starts again stands outside of loops; what is in a loop goes with it. */
export function* faultsOfTry(steps: ReadonlyMap<string, StepModel>, event: RunTryStarted): Generator<string> {
  const again = new Set(event.again);
  for (const path of again)
    if (!steps.has(path) || path.includes('/')) yield `${path} starts again and is no step of the run`;
  for (const path of event.continued ?? [])
    if (!again.has(path) || steps.get(path)?.info.kind !== 'loop')
      yield `${path} goes on and is no loop that starts again`;
  for (const [path, step] of steps) {
    const { info, isOver, attempts, end } = step;
    if (!isOver && info.attached === undefined) yield `${path} is not over`;
    const running = attempts.find(
      ({ outcome, isUnconfirmed, idempotent }) => outcome === undefined || (isUnconfirmed && !idempotent),
    );
    // After the grace of a stop it is not waited for any more, and nobody knows; that is for the executions to say.
    if (running?.outcome === undefined && running !== undefined) yield `${path}#${running.number} is LIVE`;
    if (path.includes('/') || again.has(path) || info.attached !== undefined) continue;
    const isWhole = info.parent !== undefined && !again.has(info.parent);
    if (isWhole) continue;
    if (info.dependencies.some((dependency) => again.has(dependency)))
      yield `${path} is kept and comes after a step that starts again`;
    if (info.isCleanup) yield `${path} is cleanup and is kept`;
    const wasPassed = step.skipReason === 'WHEN' || step.skipReason === 'RUN_ON';
    if (end?.status !== 'COMPLETED' && !wasPassed) yield `${path} is kept, and ended ${end?.status} ${step.skipReason}`;
  }
  for (const path of again) {
    const step = steps.get(path);
    if (step === undefined) continue;
    const { info, end } = step;
    const isFree = info.dependencies.length === 0 && info.parent === undefined && !info.isCleanup;
    if (isFree && (info.runOn ?? 'success') === 'success' && end?.status === 'COMPLETED')
      yield `${path} completed and starts again without a cause`;
  }
}

/** As if it had not begun; the numbers of its attempts go on. */
export function resetStep(step: StepModel, keepsIterations: boolean): void {
  step.iteration = 0;
  if (!keepsIterations) step.iterationsEnded = 0;
  step.items = undefined;
  step.waitsForNext = false;
  step.hasStarted = false;
  step.isOver = false;
  step.end = undefined;
  step.isTakenOver = false;
  step.isQueued = false;
  step.isDelayed = false;
  step.isStopping = false;
  step.branch = undefined;
  step.skipReason = undefined;
  step.isWaiting = false;
  step.hasSignal = false;
  step.dueAt = 0;
  step.failedTries = 0;
  step.key = undefined;
  step.olderAttempts = step.attempts.length;
}
