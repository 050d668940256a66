/** Sending a signal to a run. */
import { createBackoff } from './backoff.ts';
import { toWireValue } from './convert/wire.ts';
import { isCut } from './errors.ts';
import type { MeshApi } from './mesh-api.ts';

/** Tries of a signal with a `requestId`: about 10 s of a node that is restarting. */
const TRIES_MAX = 8;

export interface SignalOptions {
  /**
   * Makes the call idempotent for as long as the run is kept. With it, a signal that met a cut is sent again; without it
   * UNREACHABLE leaves open whether it was sent.
   */
  readonly requestId?: string;
  readonly signal?: AbortSignal;
}

/** False when an earlier call with this `requestId` sent it. */
export async function signalRun(
  api: MeshApi,
  runId: string,
  name: string,
  payload: unknown,
  { requestId = '', signal }: SignalOptions = {},
): Promise<boolean> {
  const value = toWireValue(payload);
  const request = { runId, name, requestId, ...(value === undefined ? {} : { payload: value }) };
  const backoff = createBackoff();
  for (let tries = 1; ; tries++) {
    try {
      return (await api.runs.signalRun(request, signal === undefined ? {} : { signal })).created;
    } catch (error) {
      if (requestId === '' || tries === TRIES_MAX || !isCut(error)) throw error;
      await backoff.pause(signal);
    }
  }
}
