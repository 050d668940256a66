/** What a handler gets besides its input. */
import { YardmasterError } from '../core/errors.ts';
import type { JsonValue } from '../core/json.ts';
import { limits } from '../core/limits.ts';
import { decodeValue } from '../core/value.ts';
import type { Invoke } from './calls.ts';
import type { AttemptOrder, LogLevelName, News } from './news.ts';
import type { OutputWriter, WriteOptions } from './output-writer.ts';
import { encodeJson } from './payload.ts';
import { UsageTotals } from './usage.ts';

const PROGRESS_CHARS_MAX = 1_024;
const LOG_FIELDS_MAX = 32;
const LOG_FIELD_CHARS_MAX = 1_024;

/** Facts about the attempt; the same during all of it. */
export interface AttemptInfo {
  readonly runId: string;
  readonly workflow: string;
  /** Path of the step within the run. */
  readonly step: string;
  readonly capability: string;
  /** The how many-th start of the step this is, from 1. */
  readonly number: number;
  /** The how many-th try by the retry policy, from 1; lost agents do not count. */
  readonly try: number;
  /** The same for all attempts of the step, different for all other steps. */
  readonly idempotencyKey: string;
  /** When its time is over; undefined: never. */
  readonly deadline: Date | undefined;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** W3C trace context; empty: none. */
  readonly traceparent: string;
}

export type LogFields = Readonly<Record<string, unknown>>;

export interface HandlerContext {
  /** Aborts when the attempt must stop; its reason is an `AttemptStopped`. Throw when it does. */
  readonly signal: AbortSignal;
  readonly attempt: AttemptInfo;
  /** What an earlier attempt of this step saved last; undefined: start from the beginning. */
  readonly lastCheckpoint: JsonValue | undefined;
  readonly log: Readonly<Record<LogLevelName, (message: string, fields?: LogFields) => void>>;
  /** Shows how far it is, from 0 to 1. Live only; at most ten a second are sent. */
  progress(fraction: number, message?: string): void;
  /**
   * Saves what the next attempt needs in order to go on from here; the latest wins, and one a second is stored.
   * Throws LIMIT above 256 KiB and INVALID_VALUE for what is not JSON.
   */
  checkpoint(value: unknown): void;
  /**
   * Writes a piece of output that readers get while the attempt works, in order; it is stored. Resolves when there is room for the
   * next: wait for it. Rejects with LIMIT when no more is kept, with INVALID_VALUE, and with the signal's reason once that aborts.
   */
  write(data: string | Uint8Array, options?: WriteOptions): Promise<void>;
  /** Adds to what the attempt has used, by name, such as `{ tokens: 12 }`. Throws INVALID_VALUE and LIMIT. */
  usage(counters: Readonly<Record<string, number>>): void;
  /** Asks another agent, through the mesh, and waits for its answer; the attempt keeps its slot meanwhile. Throws `CallFailed`. */
  readonly invoke: Invoke;
}

export interface ContextOptions {
  readonly order: AttemptOrder;
  readonly signal: AbortSignal;
  /** Wall time of the start, milliseconds since the epoch. */
  readonly startedAt: number;
  readonly tell: (news: News) => void;
  /** Of the attempt. */
  readonly writer: () => OutputWriter;
  readonly invoke: Invoke;
}

export function createContext({ order, signal, startedAt, tell, writer, invoke }: ContextOptions): HandlerContext {
  const { attemptId } = order;
  const totals = new UsageTotals(order.stepPath);
  const log =
    (level: LogLevelName) =>
    (message: string, fields: LogFields = {}): void =>
      tell({
        type: 'log',
        attemptId,
        level,
        message: cut(message, limits.errorMessageCharsMax),
        fields: texts(fields),
      });
  return {
    signal,
    attempt: readInfo(order, startedAt),
    lastCheckpoint: order.checkpoint.length === 0 ? undefined : decodeValue(order.checkpoint),
    log: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    progress: (fraction, message = '') =>
      tell({ type: 'progress', attemptId, fraction: clamp(fraction), message: cut(message, PROGRESS_CHARS_MAX) }),
    checkpoint: (value) => tell({ type: 'checkpoint', attemptId, value: encodeCheckpoint(value, order) }),
    write: (data, options) => writer().write(data, options),
    usage: (counters) => tell({ type: 'usage', attemptId, counters: totals.add(counters) }),
    invoke,
  };
}

function encodeCheckpoint(value: unknown, { stepPath }: AttemptOrder): Uint8Array {
  const bytes = encodeJson(value);
  if (bytes.length <= limits.inlineWireBytesMax) return bytes;
  throw new YardmasterError(
    'LIMIT',
    `Cannot save the checkpoint of step "${stepPath}": it has ${bytes.length} bytes, at most ${limits.inlineWireBytesMax} are kept`,
    { next: 'save a position or a reference, not the data itself' },
  );
}

function readInfo(order: AttemptOrder, startedAt: number): AttemptInfo {
  return {
    runId: order.runId,
    workflow: order.workflow,
    step: order.stepPath,
    capability: order.capability,
    number: order.number,
    try: order.tryNumber,
    idempotencyKey: order.idempotencyKey,
    deadline: order.timeoutMs === 0 ? undefined : new Date(startedAt + order.timeoutMs),
    metadata: order.metadata,
    traceparent: order.traceparent,
  };
}

function clamp(fraction: number): number {
  return Number.isFinite(fraction) ? Math.min(1, Math.max(0, fraction)) : 0;
}

function texts(fields: LogFields): Readonly<Record<string, string>> {
  const entries = Object.entries(fields).slice(0, LOG_FIELDS_MAX);
  return Object.fromEntries(entries.map(([key, value]) => [key, cut(textOf(value), LOG_FIELD_CHARS_MAX)]));
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Error) return value.message;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    // A cycle or a BigInt: a log line must not fail the work.
    return String(value);
  }
}

function cut(text: string, charsMax: number): string {
  const string = String(text);
  return string.length <= charsMax ? string : `${string.slice(0, charsMax - 1)}…`;
}
