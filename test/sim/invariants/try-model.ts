/** What a journal may say of another try of a run: which steps start again, and what is kept. */
import type { RunTryStarted } from '../../../src/control-plane/engine/events.ts';
import type { StepModel } from './run-model.ts';

type Steps = ReadonlyMap<string, StepModel>;

export function prefixOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

/** The prefixes of the iterations that go on: steps of theirs start again by themselves. */
export function resumedBy({ again }: RunTryStarted): ReadonlySet<string> {
  return new Set(again.map(prefixOf).filter((prefix) => prefix !== ''));
}

/** What is in front of an iteration or an item: `poll/3/each/0/` is in `poll/3/`, and of `poll/3/each`. */
function ownerOf(prefix: string): string {
  return prefix.split('/').slice(0, -2).join('/');
}

export function* faultsOfTry(steps: Steps, event: RunTryStarted): Generator<string> {
  const again = new Set(event.again);
  const continued = new Set(event.continued);
  const resumed = resumedBy(event);
  for (const path of again) if (!steps.has(path)) yield `${path} starts again and is no step of the run`;
  for (const prefix of resumed) {
    const loop = steps.get(ownerOf(prefix));
    if (
      loop === undefined ||
      !continued.has(loop.path) ||
      prefix !== `${loop.path}/${loop.iteration || loop.prepared}/`
    )
      yield `${prefix} goes on and was not cut short in a loop that goes on`;
  }
  for (const path of continued) {
    const kind = steps.get(path)?.info.kind;
    if (!again.has(path) || (kind !== 'loop' && kind !== 'map'))
      yield `${path} goes on and is no loop or map that starts again`;
  }
  for (const step of steps.values()) {
    const { path, prefix, info, isOver } = step;
    if (!isOver && info.attached === undefined) yield `${path} is not over`;
    const live = step.attempts.find(({ outcome }) => outcome === undefined);
    if (live !== undefined) yield `${path}#${live.number} is LIVE`;
    if (info.attached !== undefined || (prefix !== '' && !resumed.has(prefix))) continue;
    if (again.has(path)) yield* faultsOfAgain(steps, step, { continued, resumed });
    else yield* faultsOfKept(step, again);
  }
}

function* faultsOfKept(
  { path, prefix, info, end, skipReason }: StepModel,
  again: ReadonlySet<string>,
): Generator<string> {
  const isOutermost = info.parent === undefined || info.parent === info.owner;
  if (!isOutermost && !again.has(prefix + info.parent)) return;
  if (info.dependencies.some((dependency) => again.has(prefix + dependency)))
    yield `${path} is kept and comes after a step that starts again`;
  if (info.isCleanup) yield `${path} is cleanup and is kept`;
  const wasPassed = skipReason === 'WHEN' || skipReason === 'RUN_ON';
  if (end?.status !== 'COMPLETED' && !wasPassed) yield `${path} is kept, and ended ${end?.status} ${skipReason}`;
}

/** Of what waits for nothing it is known that it starts again for its own sake. */
function* faultsOfAgain(
  steps: Steps,
  step: StepModel,
  { continued, resumed }: { readonly continued: ReadonlySet<string>; readonly resumed: ReadonlySet<string> },
): Generator<string> {
  const { path } = step;
  if (!isFree(step)) return;
  if (step.end?.status === 'COMPLETED') yield `${path} completed and starts again without a cause`;
  else if (hasBodiesToKeep(step) && !continued.has(path)) yield `${path} begins anew, with what ended in it`;
  const prefix = `${path}/${step.iteration}/`;
  if (
    step.info.kind !== 'loop' ||
    step.iteration === 0 ||
    resumed.has(prefix) ||
    step.iteration > step.info.iterationsMax
  )
    return;
  const inside = step.info.children.flatMap((child) => steps.get(prefix + child) ?? []);
  const isMixed = inside.some(isDone) && inside.some((child) => child.end?.status === 'FAILED');
  if (isMixed) yield `${path} begins iteration ${step.iteration} anew, with what completed in it`;
}

function isDone(step: StepModel): boolean {
  return step.end?.status === 'COMPLETED' && isFree(step);
}

/** It waits for nothing, and nothing around it does. */
export function isFree({ info }: StepModel): boolean {
  const isOutermost = info.parent === undefined || info.parent === info.owner;
  return info.dependencies.length === 0 && isOutermost && !info.isCleanup && (info.runOn ?? 'success') === 'success';
}

/** Iterations that ended, of a loop that may run more; items that completed, of a map that needs more. */
export function hasBodiesToKeep({ info, iterationsEnded, items }: StepModel): boolean {
  if (info.kind === 'loop') return iterationsEnded > 0 && iterationsEnded < info.iterationsMax;
  if (info.kind !== 'map' || items === undefined) return false;
  return items.done.size > 0 && items.done.size < (info.quorum ?? items.count);
}

/** True for a step that is left as it is, or is in an iteration or an item that is: asked before anything is reset. */
export function survivesTry(steps: Steps, path: string, event: RunTryStarted): boolean {
  const again = new Set(event.again);
  const continued = new Set(event.continued);
  const resumed = resumedBy(event);
  const parts = path.split('/');
  for (let i = 0; i + 2 < parts.length; i += 2) {
    const owner = parts.slice(0, i + 1).join('/');
    const number = Number(parts[i + 1]);
    if (!again.has(owner)) return true;
    const step = steps.get(owner);
    if (step === undefined || !continued.has(owner)) return false;
    const isEnded = step.items === undefined ? number <= step.iterationsEnded : step.items.done.has(number);
    if (isEnded) return true;
    if (!resumed.has(`${owner}/${number}/`)) return false;
  }
  return !again.has(path);
}

/** As if it had not begun; the numbers of its attempts go on. `prepared`: the iteration that goes on; 0: none. */
export function resetStep(step: StepModel, keeps?: { readonly prepared: number }): void {
  step.iteration = 0;
  step.prepared = keeps?.prepared ?? 0;
  if (keeps === undefined) step.iterationsEnded = 0;
  step.items = keeps === undefined ? undefined : step.items?.again();
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
