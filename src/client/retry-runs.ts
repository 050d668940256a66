/** New runs that are made from earlier ones: another try, and the same again. */
import type { RetryRunsResponse } from '../gen/yardmaster/v1/run_service_pb.ts';
import { untilDone } from './bulk.ts';
import type { MeshApi } from './mesh-api.ts';
import { type RunFilter, toWireFilter } from './run-filter.ts';
import { overCuts, parametersOf, type StartedRun } from './start-run.ts';

export interface RetryOptions {
  /** Makes the call idempotent, as that of a start. */
  readonly requestId?: string;
  readonly signal?: AbortSignal;
}

export interface RerunOptions extends RetryOptions {
  /** Members take the place of those of the run; the others stay. */
  readonly parameters?: object;
  /** `parameters` are all there are. Default: false. */
  readonly replaceParameters?: boolean;
  /** The newest version of the workflow instead of the run's. Default: false. */
  readonly latest?: boolean;
}

export interface RetryRunsOptions {
  /** Only says what would be retried. Default: false. */
  readonly dryRun?: boolean;
  /** Told after every portion. */
  readonly onProgress?: (soFar: RetriedRuns) => void;
  /** Stops it; what was started by then goes on. */
  readonly signal?: AbortSignal;
}

export interface RetriedRuns {
  /** Runs that fit. */
  readonly matched: number;
  /** Of those: another try was started by this call; 0 with `dryRun`. */
  readonly retried: number;
  /** The first that fit, newest first; at most 20. They are the ended ones. */
  readonly runIds: readonly string[];
}

export async function retryRun(
  api: MeshApi,
  runId: string,
  options: RetryOptions,
): Promise<Omit<StartedRun, 'version'>> {
  const { requestId = '' } = options;
  const started = await overCuts(options, (call) => api.runs.retryRun({ runId, requestId }, call));
  return { runId: started.runId, created: started.created };
}

export async function rerunRun(api: MeshApi, runId: string, options: RerunOptions): Promise<StartedRun> {
  const { requestId = '', parameters, replaceParameters = false, latest = false } = options;
  const request = { runId, requestId, replaceParameters, latest, ...parametersOf(parameters) };
  const started = await overCuts(options, (call) => api.runs.rerunRun(request, call));
  return { runId: started.runId, version: started.workflowVersion, created: started.created };
}

/** The answers of the control plane, the last one with `done`. Throws UNREACHABLE when it ends before. */
export function retryRunsOnWire(
  api: MeshApi,
  filter: RunFilter,
  { dryRun = false, signal }: RetryRunsOptions,
): AsyncGenerator<RetryRunsResponse> {
  const answers = api.runs.retryRuns({ filter: toWireFilter(filter), dryRun }, signal === undefined ? {} : { signal });
  return untilDone(answers, 'all runs were retried');
}

export async function retryRuns(api: MeshApi, filter: RunFilter, options: RetryRunsOptions): Promise<RetriedRuns> {
  let last: RetriedRuns = { matched: 0, retried: 0, runIds: [] };
  for await (const { matched, retried, runIds } of retryRunsOnWire(api, filter, options)) {
    last = { matched, retried, runIds };
    options.onProgress?.(last);
  }
  return last;
}
