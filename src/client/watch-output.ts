/** What the attempts of a step write, resumed after the last chunk seen whenever the stream is cut. */
import { isYardmasterError } from '../core/errors.ts';
import { type OutputChunk, OutputLimit, type OutputEvent as WireEvent } from '../gen/yardmaster/v1/output_pb.ts';
import { createBackoff } from './backoff.ts';
import { isCut } from './errors.ts';
import type { MeshApi } from './mesh-api.ts';
import { readStepStatus, type StepStatus } from './statuses.ts';

export interface OutputPosition {
  /** Number of the attempt. */
  readonly attempt: number;
  /** Number of the chunk within it; 0: before the first. */
  readonly number: number;
}

export type OutputEvent =
  /** From here on another attempt is read, from its first chunk: what came before is no longer the output of the step. */
  | { readonly type: 'begun'; readonly attempt: number }
  | (OutputPosition & {
      readonly type: 'chunk';
      readonly channel: string;
      /** As the handler wrote it, without secrets. */
      readonly data: string | Uint8Array;
    })
  /** The attempt wrote more than is kept of it, or of the run. */
  | (OutputPosition & { readonly type: 'cut'; readonly limit: 'ATTEMPT' | 'RUN' | 'UNKNOWN' })
  /** `attempt` was read last; undefined: none ever began. `status` is undefined when the step is not over. */
  | { readonly type: 'end'; readonly attempt: number | undefined; readonly status: StepStatus | undefined };

export interface WatchOutputOptions {
  /** Only chunks of this channel; default: all. */
  readonly channel?: string;
  /** Goes on after this chunk. */
  readonly after?: OutputPosition;
  /** Ends after what is stored now; default false: waits until the step is over. */
  readonly storedOnly?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Ends after `end`. Every chunk of an attempt comes once and in order, over any number of cuts. Throws RUN_NOT_FOUND,
 * STEP_NOT_FOUND, NO_OUTPUT, and ABORTED_BY_CALLER when `signal` aborts.
 */
export async function* watchOutput(
  api: MeshApi,
  runId: string,
  step: string,
  options: WatchOutputOptions = {},
): AsyncGenerator<OutputEvent> {
  for await (const wire of watchOutputOnWire(api, runId, step, options)) {
    const event = toOutputEvent(wire);
    if (event !== undefined) yield event;
  }
}

/** The same, as the wire says it. */
export async function* watchOutputOnWire(
  api: MeshApi,
  runId: string,
  step: string,
  { channel, after, storedOnly = false, signal }: WatchOutputOptions = {},
): AsyncGenerator<WireEvent> {
  const backoff = createBackoff();
  let at = after;
  for (;;) {
    const request = { runId, stepPath: step, storedOnly, ...(channel !== undefined && { channel }) };
    try {
      const call = { ...request, ...(at !== undefined && { after: at }) };
      for await (const { events } of api.runs.watchOutput(call, signal === undefined ? {} : { signal })) {
        backoff.reset();
        for (const wire of events) {
          at = positionOf(wire) ?? at;
          yield wire;
          if (wire.event.case === 'end') return;
        }
      }
    } catch (error) {
      if (signal?.aborted || !canResume(error)) throw error;
    }
    await backoff.pause(signal);
  }
}

function positionOf({ event }: WireEvent): OutputPosition | undefined {
  if (event.case === 'begun') return { attempt: event.value.attempt, number: 0 };
  if (event.case !== 'chunk' && event.case !== 'cut') return undefined;
  const { attempt = 0, number = 0 } = event.value.position ?? {};
  return { attempt, number };
}

function canResume(error: unknown): boolean {
  return isCut(error) || (isYardmasterError(error) && error.meta.status === 'RESOURCE_EXHAUSTED');
}

/** Undefined: of a newer control plane. */
export function toOutputEvent(wire: WireEvent): OutputEvent | undefined {
  const { event } = wire;
  const { attempt = 0, number = 0 } = positionOf(wire) ?? {};
  switch (event.case) {
    case 'begun':
      return { type: 'begun', attempt };
    case 'chunk':
      return { type: 'chunk', attempt, number, channel: event.value.channel, data: dataOf(event.value) };
    case 'cut':
      return { type: 'cut', attempt, number, limit: LIMITS.get(event.value.limit) ?? 'UNKNOWN' };
    case 'end': {
      const { value } = event;
      const status = readStepStatus(value.status);
      return {
        type: 'end',
        attempt: value.attempt === 0 ? undefined : value.attempt,
        status: status === 'UNKNOWN' ? undefined : status,
      };
    }
    default:
      return undefined;
  }
}

const LIMITS = new Map<OutputLimit, 'ATTEMPT' | 'RUN'>([
  [OutputLimit.ATTEMPT, 'ATTEMPT'],
  [OutputLimit.RUN, 'RUN'],
]);

function dataOf({ content }: OutputChunk): string | Uint8Array {
  return content.case === undefined ? '' : content.value;
}
