/** What another try of a run takes over, compared with the run before: by its journal alone, without the engine's word. */
import { isDeepStrictEqual } from 'node:util';
import type { RunEvent } from '../../../src/control-plane/engine/events.ts';
import type { MemoryData } from '../../../src/control-plane/store/memory/memory-data.ts';
import type { Verdict } from '../failure.ts';
import type { StepInfo } from './definition-info.ts';
import type { RunModel, StepModel } from './run-model.ts';
import { hasBodiesToKeep, isFree } from './try-model.ts';

export class TakeOverChecks {
  private readonly runs: ReadonlyMap<string, RunModel>;
  private readonly data: () => MemoryData;
  private readonly verdict: Verdict;

  constructor(runs: ReadonlyMap<string, RunModel>, data: () => MemoryData, verdict: Verdict) {
    this.runs = runs;
    this.data = data;
    this.verdict = verdict;
  }

  /** What a step gave in the run before is what it gives in this one, and stands there on its own. */
  checkStep(model: RunModel, { path, status, output }: Extract<RunEvent, { type: 'StepTakenOver' }>): void {
    const before = this.runs.get(model.retryOf ?? '');
    const end = before?.steps.get(path)?.end;
    const bytesIn = (runId: string): unknown =>
      output?.kind === 'blob' ? this.data().blobs.get(runId)?.get(output.blobId) : output?.bytes;
    const isSame = status !== 'COMPLETED' || (end?.status === 'COMPLETED' && isDeepStrictEqual(end.output, output));
    this.verdict.check(
      before?.outcome !== undefined && before.outcome !== 'COMPLETED' && isSame,
      'a step is taken over as it ended',
      () => `${model.runId}/${path} is ${status}; in ${model.retryOf} it was ${end?.status}`,
    );
    const own = bytesIn(model.runId);
    this.verdict.check(
      output === undefined || (own !== undefined && isDeepStrictEqual(own, bytesIn(before?.runId ?? ''))),
      'a run has the values that it took over',
      () => `${model.runId}/${path}`,
    );
    const isCleanup = before?.steps.get(path)?.info.isCleanup === true;
    this.verdict.check(!isCleanup, 'cleanup is never taken over', () => `${model.runId}/${path}`);
  }

  /** What was taken over comes after nothing that starts again; what starts again had not ended well, or comes after such a step. */
  checkRun(model: RunModel): void {
    const before = this.runs.get(model.retryOf ?? '');
    if (before === undefined) return;
    for (const step of model.steps.values()) {
      const { info, path, prefix, isTakenOver } = step;
      const old = before.steps.get(path);
      // What began in the commit that created the run is not known of the one before.
      if (info.attached !== undefined || old === undefined) continue;
      const name = (): string => `${model.runId}/${path}`;
      const wasUndone = isUndone(before, info);
      this.verdict.check(!isTakenOver || !wasUndone, 'what was compensated is not taken over', name);
      const isAgain = (id: string): boolean => model.steps.get(prefix + id)?.isTakenOver !== true;
      const isWhole = info.parent !== undefined && info.parent !== info.owner && !isAgain(info.parent);
      this.verdict.check(
        !isTakenOver || isWhole || !info.dependencies.some(isAgain),
        'what comes after a step that starts again does so, too',
        name,
      );
      const isPlain =
        isFree(step) && !wasUndone && isNextIteration(model, before, prefix) && isCutShort(before, prefix);
      const hasEnded = old.end?.status === 'COMPLETED';
      this.verdict.check(
        isTakenOver || !hasEnded || !isPlain,
        'what completed is not started again without a cause',
        name,
      );
      this.checkBodies(step, old, isPlain && !hasEnded, name);
    }
  }

  /** Iterations and items that ended are kept, as they were. `mustKeep`: nothing else speaks against it. */
  private checkBodies(step: StepModel, old: StepModel, mustKeep: boolean, name: () => string): void {
    const { kept, isContinued } = step;
    this.verdict.check(
      isContinued || !mustKeep || !hasBodiesToKeep(old),
      'iterations and items that ended are kept',
      name,
    );
    if (!isContinued) return;
    const ended = old.iterationsEnded === 0 ? undefined : { iterations: old.iterationsEnded, last: old.last };
    const outputs = [...(old.items?.done ?? [])].toSorted(([a], [b]) => a - b);
    const items = {
      list: old.items?.list,
      count: old.items?.count,
      outputs: outputs.map(([number, output]) => ({ number, output })),
    };
    this.verdict.check(
      isDeepStrictEqual(kept, step.info.kind === 'map' ? items : ended),
      'iterations and items are kept as they ended',
      name,
    );
    this.verdict.check(old.end?.status !== 'COMPLETED', 'a loop or a map that completed is taken over whole', name);
  }
}

/** Not everything in it was done: else its loop failed for what it gave, and the iteration begins again. */
function isCutShort({ steps }: RunModel, prefix: string): boolean {
  if (prefix === '') return true;
  const inside = [...steps.values()].filter((step) => step.prefix === prefix && step.info.attached === undefined);
  const isDone = ({ end, skipReason }: StepModel): boolean =>
    end?.status === 'COMPLETED' || skipReason === 'WHEN' || skipReason === 'RUN_ON';
  // What a block that is done left undone does not count.
  const isSettled = (step: StepModel): boolean => {
    const around = steps.get(prefix + step.info.parent);
    return isDone(step) || (around !== undefined && isSettled(around));
  };
  return !inside.every(isSettled);
}

/** Of a step in a loop that goes on: the iteration that was cut short, or outside of all. */
function isNextIteration(model: RunModel, before: RunModel, prefix: string): boolean {
  if (prefix === '') return true;
  const owner = prefix.split('/').slice(0, -2).join('/');
  if (model.steps.get(owner)?.isContinued !== true) return false;
  // One with nothing left to do, in which only the loop itself did not go on, begins anew.
  const hasOpen = [...before.steps.values()].some(
    (step) => step.prefix === prefix && step.info.attached === undefined && step.end?.status !== 'COMPLETED',
  );
  return hasOpen && prefix === `${owner}/${before.steps.get(owner)?.iteration}/`;
}

/** Its compensation, or one inside it, was given to an agent. */
function isUndone(before: RunModel, info: StepInfo): boolean {
  const own = before.steps.get(info.compensate ?? '')?.attempts.length ?? 0;
  if (own > 0) return true;
  const inside = (path: string): boolean =>
    path.startsWith(`${info.id}/`) || info.children.some((child) => isInside(before, child, path));
  return [...before.steps.values()].some(
    ({ path, info: other, attempts }) => other.attached?.kind === 'compensate' && attempts.length > 0 && inside(path),
  );
}

function isInside(run: RunModel, id: string, path: string): boolean {
  const step = run.steps.get(id);
  if (step === undefined) return false;
  const isOwn = step.info.compensate === path || path.startsWith(`${id}/`);
  return isOwn || step.info.children.some((child) => isInside(run, child, path));
}
