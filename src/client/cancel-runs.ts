/** Cancelling every run that fits a filter. */
import type { CancelRunsResponse } from '../gen/yardmaster/v1/run_service_pb.ts';
import { untilDone } from './bulk.ts';
import type { MeshApi } from './mesh-api.ts';
import { type RunFilter, toWireFilter } from './run-filter.ts';

export interface CancelRunsOptions {
  /** Only says what would be cancelled. Default: false. */
  readonly dryRun?: boolean;
  /** For people; kept in each run. */
  readonly reason?: string;
  /** Told after every portion. */
  readonly onProgress?: (soFar: CancelledRuns) => void;
  /** Stops it; what was cancelled by then stays so. */
  readonly signal?: AbortSignal;
}

export interface CancelledRuns {
  /** Runs that fit. */
  readonly matched: number;
  /** Of those: ending because of this call; 0 with `dryRun`. */
  readonly cancelled: number;
  /** The first that fit, newest first; at most 20. */
  readonly runIds: readonly string[];
}

/** The answers of the control plane, the last one with `done`. Throws UNREACHABLE when it ends before. */
export function cancelRunsOnWire(
  api: MeshApi,
  filter: RunFilter,
  { dryRun = false, reason = '', signal }: CancelRunsOptions,
): AsyncGenerator<CancelRunsResponse> {
  const request = { filter: toWireFilter(filter), dryRun, reason };
  const answers = api.runs.cancelRuns(request, signal === undefined ? {} : { signal });
  return untilDone(answers, 'all runs were cancelled');
}

export async function cancelRuns(api: MeshApi, filter: RunFilter, options: CancelRunsOptions): Promise<CancelledRuns> {
  let last: CancelledRuns = { matched: 0, cancelled: 0, runIds: [] };
  for await (const { matched, cancelled, runIds } of cancelRunsOnWire(api, filter, options)) {
    last = { matched, cancelled, runIds };
    options.onProgress?.(last);
  }
  return last;
}
