/** The events of a run, resumed from the last position seen whenever the stream is cut. */

import { isYardmasterError } from '../core/errors.ts';
import type { RunEvent as WireEvent } from '../gen/yardmaster/v1/run_event_pb.ts';
import { createBackoff } from './backoff.ts';
import { toRunEvent } from './convert/event.ts';
import { toRun } from './convert/run.ts';
import { isCut } from './errors.ts';
import type { MeshApi } from './mesh-api.ts';
import type { RunEvent } from './run-event.ts';
import { isTerminalRun } from './statuses.ts';

export interface WatchRunOptions {
  /** First position wanted; default 1, the beginning. */
  readonly fromPosition?: number;
  /** Also progress, logs and stored checkpoints; default false. */
  readonly live?: boolean;
  readonly signal?: AbortSignal;
  /** Called when the stream was cut, before it is opened again. */
  readonly onCut?: (error: unknown) => void;
}

/**
 * Ends after `runEnded`. Every positioned event comes once and in order, over any number of cuts; live events that fall
 * into a cut are lost. Throws RUN_NOT_FOUND, and ABORTED_BY_CALLER when `signal` aborts.
 */
export async function* watchRun(api: MeshApi, runId: string, options: WatchRunOptions = {}): AsyncGenerator<RunEvent> {
  for await (const wire of watchRunOnWire(api, runId, options)) yield toRunEvent(wire);
}

/** The same, as the wire says it. */
export async function* watchRunOnWire(
  api: MeshApi,
  runId: string,
  options: WatchRunOptions = {},
): AsyncGenerator<WireEvent> {
  const { live = false, signal, onCut } = options;
  const backoff = createBackoff();
  let next = Math.max(1, options.fromPosition ?? 1);
  for (;;) {
    try {
      const responses = api.runs.watchRun({ runId, fromPosition: next, live }, callOptions(signal));
      for await (const { events } of responses) {
        backoff.reset();
        for (const wire of events) {
          if (wire.position !== 0 && wire.position < next) continue;
          if (wire.position !== 0) next = wire.position + 1;
          yield wire;
          if (wire.event.case === 'runEnded') return;
        }
      }
      // It ended without the last event: either that came before `next`, or the node is stopping.
      if (await hasEndedBefore(api, runId, next, signal)) return;
    } catch (error) {
      if (signal?.aborted || !canResume(error)) throw error;
      onCut?.(error);
    }
    await backoff.pause(signal);
  }
}

/** A reader that was too slow is cut off with RESOURCE_EXHAUSTED, and resumes. */
function canResume(error: unknown): boolean {
  return isCut(error) || (isYardmasterError(error) && error.meta.status === 'RESOURCE_EXHAUSTED');
}

async function hasEndedBefore(
  api: MeshApi,
  runId: string,
  next: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { run } = await api.runs.getRun({ runId }, callOptions(signal));
  if (run === undefined) return true;
  const { status, position } = toRun(run);
  return isTerminalRun(status) && position < next;
}

function callOptions(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
