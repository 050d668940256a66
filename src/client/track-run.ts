/** Follows a run and tells every change of its picture. */

import { RunStatus } from '../gen/yardmaster/v1/run_pb.ts';
import { toRun } from './convert/run.ts';
import { createLiveRun } from './live-run.ts';
import type { MeshApi } from './mesh-api.ts';
import type { RunEvent } from './run-event.ts';
import { isTerminalRun } from './statuses.ts';
import type { RunView } from './views.ts';
import { watchRun } from './watch-run.ts';

/** Completed runs that the guess of the end rests on. */
const PAST_RUNS = 10;

export interface RunChange {
  readonly run: RunView;
  /** What changed it; undefined: this is the picture to begin with. */
  readonly event: RunEvent | undefined;
}

/** Begins with the run as it is now and ends after its last event. Throws RUN_NOT_FOUND. */
export async function* trackRun(api: MeshApi, runId: string, signal?: AbortSignal): AsyncGenerator<RunChange> {
  const { run } = await api.runs.getRun({ runId }, signal === undefined ? {} : { signal });
  if (run === undefined) return;
  const live = createLiveRun(toRun(run));
  const start = live.view();
  yield { run: start, event: undefined };
  if (isTerminalRun(start.status)) return;
  const options = { fromPosition: start.position + 1, live: true, ...(signal === undefined ? {} : { signal }) };
  for await (const event of watchRun(api, start.runId, options)) {
    live.apply(event);
    yield { run: live.view(), event };
  }
}

/** How long the last completed runs of a workflow took, in milliseconds. */
export async function pastDurations(api: MeshApi, workflow: string): Promise<readonly number[]> {
  const request = { filter: { workflow, statuses: [RunStatus.COMPLETED] }, pageSize: PAST_RUNS };
  const { runs } = await api.runs.listRuns(request);
  return runs.map(toRun).flatMap(({ startTime, endTime }) => {
    return startTime === undefined || endTime === undefined ? [] : [endTime.getTime() - startTime.getTime()];
  });
}
