/** What RunTryScheduled and RunTryStarted do to a run's state; part of `evolve`. */
import { times } from '../../core/limits.ts';
import type { RunTryScheduled, RunTryStarted } from './events.ts';
import { findStep } from './frames.ts';
import {
  attemptsOf,
  compensationOf,
  detailOf,
  type Frame,
  fallbackOf,
  framesOf,
  isBodyStep,
  isLoopStep,
  type LoopDetail,
  type RunState,
  type Step,
  stepAt,
} from './state.ts';
import { isStepOver } from './status.ts';

/** The run's deadline is that of the wait. */
export function scheduleTry(state: RunState, { dueAt }: RunTryScheduled): void {
  state.tryAt = dueAt;
  state.deadlineAt = dueAt;
}

export function startTry(state: RunState, event: RunTryStarted): void {
  const continued = new Set(event.continued);
  for (const path of event.again) {
    const step = againStep(state, path);
    resetStep(step, continued.has(path));
    for (const attached of [fallbackOf(step), compensationOf(step)])
      if (attached !== undefined) resetStep(attached, false);
  }
  // What starts again owes nothing until it has completed again.
  state.owed = state.owed.filter((path) => findStep(state, path)?.status === 'COMPLETED');
  state.status = 'RUNNING';
  state.try = event.try;
  state.tryAt = 0;
  state.deadlineAt = event.deadlineAt ?? 0;
  state.ending = undefined;
  state.cleanupFailures = [];
  state.bodyNumberBefore = state.bodyNumber;
  countOpen(state);
}

function againStep(state: RunState, path: string): Step {
  const step = findStep(state, path);
  if (step === undefined)
    throw new RangeError(`the journal of run "${state.runId}" tries an unknown step "${path}" again`);
  return step;
}

/** As if it had not begun, but that the numbers of its attempts go on. */
function resetStep(step: Step, keepsIterations: boolean): void {
  const old = step.detail;
  step.status = 'PENDING';
  step.isQueued = false;
  step.failedTries = 0;
  step.readyAt = 0;
  step.queuedAt = 0;
  step.input = undefined;
  step.detail = undefined;
  if (old === undefined || (old.attempts.length === 0 && !keepsIterations)) return;
  const detail = detailOf(step);
  detail.attempts = old.attempts;
  detail.olderAttempts = old.attempts.length;
  if (keepsIterations && isLoopStep(step)) detail.loop = withoutFrame(old.loop);
}

/** The iteration that was cut short is not counted: it begins again. */
function withoutFrame(loop: LoopDetail | undefined): LoopDetail | undefined {
  if (loop === undefined) return undefined;
  const { frame, iterations, last, kept } = loop;
  return { kept, frame: undefined, iterations: frame === undefined ? iterations : iterations - 1, last };
}

/** Blocks that start again count their children when they open. */
function countOpen(state: RunState): void {
  const isOpen = (slot: number): boolean => !isStepOver(stepAt(state.root, slot).status);
  for (const step of state.root.steps) step.pendingDependencies = step.node.dependencies.filter(isOpen).length;
  state.openRoots = state.workflow.roots.filter(isOpen).length;
  state.openFinally = state.workflow.finallyRoots.filter(isOpen).length;
}

/** A frame is gone in which something may still run: what we ended, is not idempotent and did not answer. */
export function noteStray(state: RunState, frame: Frame, at: number): void {
  if (hasStray(frame)) strayFrom(state, at);
}

function hasStray(frame: Frame): boolean {
  return frame.steps.some(
    (step) =>
      attemptsOf(step).some(({ isUnconfirmed, idempotent }) => isUnconfirmed && !idempotent) ||
      (isBodyStep(step) && framesOf(step).some(hasStray)),
  );
}

/** When the cleanup is over, a step is cancelled beside its child run, which is told to end and may still have attempts that run. */
export function noteStrayChild(state: RunState, step: Step, at: number): void {
  const isKilled = state.status === 'ENDING' && at >= state.deadlineAt && step.status === 'WAITING';
  if (step.detail?.child !== undefined && isKilled) strayFrom(state, at);
}

function strayFrom(state: RunState, at: number): void {
  state.strayUntil = Math.max(state.strayUntil, at + times.stopGraceMs);
}
