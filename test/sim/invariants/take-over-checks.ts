/** What another try of a run takes over, compared with the run before: by its journal alone, without the engine's word. */
import { isDeepStrictEqual } from 'node:util';
import type { RunEvent } from '../../../src/control-plane/engine/events.ts';
import type { MemoryData } from '../../../src/control-plane/store/memory/memory-data.ts';
import type { Verdict } from '../failure.ts';
import type { StepInfo } from './definition-info.ts';
import type { RunModel } from './run-model.ts';

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
    for (const { info, isTakenOver } of model.steps.values()) {
      if (info.attached !== undefined) continue;
      const wasUndone = isUndone(before, info);
      this.verdict.check(
        !isTakenOver || !wasUndone,
        'what was compensated is not taken over',
        () => `${model.runId}/${info.id}`,
      );
      const isAgain = (path: string): boolean => model.steps.get(path)?.isTakenOver !== true;
      const isWhole = info.parent !== undefined && !isAgain(info.parent);
      this.verdict.check(
        !isTakenOver || isWhole || !info.dependencies.some(isAgain),
        'what comes after a step that starts again does so, too',
        () => `${model.runId}/${info.id}`,
      );
      const hasEnded = before.steps.get(info.id)?.end?.status === 'COMPLETED';
      const isFree = info.dependencies.length === 0 && info.parent === undefined && !info.isCleanup;
      this.verdict.check(
        isTakenOver || !hasEnded || !isFree || wasUndone || (info.runOn ?? 'success') !== 'success',
        'what completed is not started again without a cause',
        () => `${model.runId}/${info.id}`,
      );
    }
  }
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
