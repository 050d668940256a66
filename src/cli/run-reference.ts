/** Runs as people name them: an id, a unique tail of it, `@last`, `@failed`, `@waiting`. */
import type { MeshApi, WorkflowStatus } from '../client/index.ts';
import { type RunView, toRun, toWireFilter } from '../client/index.ts';
import { YardmasterError } from '../core/errors.ts';
import { RUN_ID_LENGTH } from '../core/ids.ts';
import { usageError } from './options.ts';

/** Open runs that `@waiting` looks into. */
const OPEN_RUNS_MAX = 50;

/** The full id. Throws RUN_NOT_FOUND when nothing fits. */
export async function resolveRun(api: MeshApi, reference: string): Promise<string> {
  switch (reference) {
    case '@last':
      return newest(api, [], reference);
    case '@failed':
      return newest(api, ['FAILED'], reference);
    case '@waiting':
      return waitingLongest(api);
    default:
      return resolveTail(api, reference);
  }
}

async function resolveTail(api: MeshApi, reference: string): Promise<string> {
  if (reference.startsWith('@')) {
    throw usageError(`Cannot read "${reference}": it is none of @last, @failed, @waiting`);
  }
  if (reference.length === RUN_ID_LENGTH) return reference;
  const { run } = await api.runs.getRun({ runId: reference });
  return run?.runId ?? notFound(reference);
}

async function newest(api: MeshApi, status: readonly WorkflowStatus[], reference: string): Promise<string> {
  const { runs } = await api.runs.listRuns({ filter: toWireFilter({ status }), pageSize: 1 });
  return runs[0]?.runId ?? notFound(reference);
}

async function waitingLongest(api: MeshApi): Promise<string> {
  const filter = toWireFilter({ status: ['RUNNING', 'ENDING'] });
  const { runs } = await api.runs.listRuns({ filter, pageSize: OPEN_RUNS_MAX });
  let longest: { readonly runId: string; readonly sinceMs: number } | undefined;
  for (const { runId } of runs) {
    const { run } = await api.runs.getRun({ runId });
    const sinceMs = run === undefined ? undefined : waitingSince(toRun(run));
    if (sinceMs !== undefined && (longest === undefined || sinceMs < longest.sinceMs)) longest = { runId, sinceMs };
  }
  return longest?.runId ?? notFound('@waiting');
}

function waitingSince(run: RunView): number | undefined {
  const ready = run.steps.filter(
    (step) => (step.kind === 'AGENT' && step.status === 'READY') || step.status === 'WAITING',
  );
  const times = ready.map((step) => (step.attempts.at(-1)?.endTime ?? step.readyTime ?? run.createTime).getTime());
  return times.length === 0 ? undefined : Math.min(...times);
}

function notFound(reference: string): never {
  throw new YardmasterError('RUN_NOT_FOUND', `Cannot find run "${reference}": there is none`, {
    meta: { status: 'NOT_FOUND' },
    next: 'yardmaster runs list',
  });
}
