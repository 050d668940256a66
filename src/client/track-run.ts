/** Follows a run and tells every change of its picture. */

import { toRun } from './convert/run.ts';
import { toMs } from './convert/wire.ts';
import { createLiveRun } from './live-run.ts';
import type { MeshApi } from './mesh-api.ts';
import type { RunEvent } from './run-event.ts';
import { isTerminalRun } from './statuses.ts';
import type { RunView } from './views.ts';
import { watchRun } from './watch-run.ts';

export interface RunChange {
  readonly run: RunView;
  /** What changed it; undefined: this is the picture to begin with. */
  readonly event: RunEvent | undefined;
  /** When, by the clock of the control plane. */
  readonly time: Date;
}

/** Begins with the run as it is now and ends after its last event. Throws RUN_NOT_FOUND. */
export async function* trackRun(api: MeshApi, runId: string, signal?: AbortSignal): AsyncGenerator<RunChange> {
  const { run } = await api.runs.getRun({ runId }, signal === undefined ? {} : { signal });
  if (run === undefined) return;
  const live = createLiveRun(toRun(run));
  const start = live.view();
  const elapsedMs = toMs(run.duration);
  const since = start.startTime;
  const time = since === undefined || elapsedMs === undefined ? new Date() : new Date(since.getTime() + elapsedMs);
  yield { run: start, event: undefined, time };
  if (isTerminalRun(start.status)) return;
  const options = { fromPosition: start.position + 1, live: true, ...(signal === undefined ? {} : { signal }) };
  for await (const event of watchRun(api, start.runId, options)) {
    live.apply(event);
    yield { run: live.view(), event, time: event.time };
  }
}
