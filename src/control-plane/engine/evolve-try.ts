/** What RunTryScheduled, RunTryDropped and RunTryStarted do to a run's state; part of `evolve`. */
import { times } from '../../core/limits.ts';
import { attemptsOf } from './attempts.ts';
import type { RunTryDropped, RunTryScheduled, RunTryStarted } from './events.ts';
import { keepItems, keepIterations } from './evolve-bodies.ts';
import { findStep } from './frames.ts';
import { detailOf, type Frame, isBodyStep, type RunState, type Step, type StepDetail } from './state.ts';
import { isStepOver } from './status.ts';
import { compensationOf, fallbackOf, framesOf, stepAt } from './step-tree.ts';

/** The run's deadline is that of the wait. Scheduled again, it waits on for what it waited for, and may have forgotten. */
export function scheduleTry(state: RunState, { dueAt }: RunTryScheduled): void {
  if (state.tryAt > 0 && state.strayUntil > 0) state.strayUntil = Math.max(state.strayUntil, dueAt);
  state.tryAt = dueAt;
  state.deadlineAt = dueAt;
}

/** What is left of the cleanup has its whole time: the wait did not count. */
export function dropTry(state: RunState, { cleanupUntil }: RunTryDropped): void {
  state.tryAt = 0;
  state.deadlineAt = cleanupUntil;
}

export function startTry(state: RunState, event: RunTryStarted): void {
  const continued = new Set(event.continued);
  const goesOn = new Set(event.again.map((path) => path.slice(0, path.lastIndexOf('/') + 1)));
  const frames = new Set([state.root]);
  for (const path of event.again) {
    const step = againStep(state, path);
    frames.add(step.frame);
    const { loop, map } = step.detail ?? {};
    resetStep(step);
    if (continued.has(path)) keepBodies(step, { loop, map }, goesOn);
    for (const attached of [fallbackOf(step), compensationOf(step)]) if (attached !== undefined) resetStep(attached);
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
  for (const frame of frames) countDependencies(frame);
  countOpen(state);
}

function againStep(state: RunState, path: string): Step {
  const step = findStep(state, path);
  if (step === undefined)
    throw new RangeError(`the journal of run "${state.runId}" tries an unknown step "${path}" again`);
  return step;
}

/** As if it had not begun, but that the numbers of its attempts go on. */
function resetStep(step: Step): void {
  const old = step.detail;
  step.status = 'PENDING';
  step.isQueued = false;
  step.failedTries = 0;
  step.readyAt = 0;
  step.queuedAt = 0;
  step.input = undefined;
  step.detail = undefined;
  if (old === undefined) return;
  if (old.attempts.length > 0) {
    const detail = detailOf(step);
    detail.attempts = old.attempts;
    detail.olderAttempts = old.attempts.length;
  }
}

/** Of a loop or a map that goes on. `frames`: prefixes of iterations that do. */
function keepBodies(step: Step, { loop, map }: Pick<StepDetail, 'loop' | 'map'>, frames: ReadonlySet<string>): void {
  const detail = detailOf(step);
  if (loop !== undefined) detail.loop = keepIterations(loop, loop.frame !== undefined && frames.has(loop.frame.prefix));
  if (map !== undefined) detail.map = keepItems(map);
}

function countDependencies(frame: Frame): void {
  for (const step of frame.steps) {
    const isOpen = (slot: number): boolean => !isStepOver(stepAt(frame, slot).status);
    step.pendingDependencies = step.node.dependencies.filter(isOpen).length;
  }
}

/** Blocks that start again count their children when they open. */
function countOpen(state: RunState): void {
  const isOpen = (slot: number): boolean => !isStepOver(stepAt(state.root, slot).status);
  state.openRoots = state.workflow.roots.filter(isOpen).length;
  state.openFinally = state.workflow.finallyRoots.filter(isOpen).length;
}

/** A frame is gone in which something may still run: what we ended, is not idempotent and did not answer. */
export function noteStray(state: RunState, frame: Frame, at: number): void {
  if (hasStray(frame)) strayFrom(state, at, times.lossWindowMs);
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
  if (step.detail?.child !== undefined && isKilled) strayFrom(state, at, times.stopGraceMs);
}

function strayFrom(state: RunState, at: number, forMs: number): void {
  state.strayUntil = Math.max(state.strayUntil, at + forMs);
}
