/**
 * `ctx.invoke`: what a handler asks of other agents. A call survives the connection that carries it: whatever fails on the way is tried
 * again with the same key, for as long as the attempt lives.
 */
import type { Capability } from '../core/capability.ts';
import { type Clock, sleep } from '../core/clock.ts';
import { parseDuration } from '../core/duration.ts';
import { toYardmasterError, YardmasterError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import { decodeValue } from '../core/value.ts';
import { CallFailed } from './call-failed.ts';
import { compatibleRange } from './compatible-range.ts';
import type { BlobLink, CallAnswer, CallLink, CallOrder, CallProgress } from './link.ts';
import { encodeJson, fetchPayload } from './payload.ts';
import { Turns } from './turns.ts';

const RETRY_MS = 200;
const RETRY_MS_MAX = 5_000;
/** Reasons and statuses that another try does not mend. */
const FINAL = new Set([
  'ATTEMPT_UNKNOWN',
  'ATTEMPT_NOT_LIVE',
  'CALL_KEY_REUSED',
  'CALL_LIMIT',
  'CHILD_DEPTH',
  'SECRET_MISSING',
  'INVALID_ARGUMENT',
  'MALFORMED_REQUEST',
  'UNAUTHENTICATED',
  'PERMISSION_DENIED',
  'UNIMPLEMENTED',
]);
/** The same request fails again in every attempt. */
const USELESS = new Set(['CALL_KEY_REUSED', 'CHILD_DEPTH', 'INVALID_ARGUMENT', 'UNIMPLEMENTED']);

export interface InvokeOptions {
  /**
   * Names the call within the step, 1 to 128 characters. The same in every attempt of the step: a later attempt gets the answer of the
   * call that an earlier one made.
   */
  readonly key: string;
  /** From the first start of the call to its end; milliseconds, or text such as `30s`. Default: as long as the step is open. */
  readonly timeout?: number | string;
  /** The agent that must do it. Default: any that offers the capability. */
  readonly agentId?: string;
  /** A semver range such as `^1.2`. Default: versions compatible with that of the constant, if it has one (`^1` of `1.4.2`). */
  readonly version?: string;
  /** Labels that the other agent must have, all of them. */
  readonly labels?: Readonly<Record<string, string>>;
  /** More tries of the other handler after the first has failed. Default 0. */
  readonly retries?: number;
  /** What the other handler tells of its progress. */
  readonly onProgress?: (progress: CallProgress) => void;
}

/** Asks another agent and waits for its answer. */
export interface Invoke {
  /** Throws `CallFailed`. */
  <Input, Output, HandlerInput, HandlerOutput>(
    capability: Capability<Input, Output, HandlerInput, HandlerOutput>,
    input: NoInfer<Input>,
    options: InvokeOptions,
  ): Promise<Output>;
  /** By its bare name: the compiler does not look. */
  // biome-ignore lint/suspicious/noExplicitAny: what another agent answers to a name, nobody knows
  (capability: string, input: unknown, options: InvokeOptions): Promise<any>;
}

export interface CallsOfAttempt {
  readonly attemptId: string;
  readonly calls: CallLink;
  readonly blobs: BlobLink;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Of one attempt: a few calls at once, the others in the order in which they were made. */
export function createInvoke(attempt: CallsOfAttempt): Invoke {
  const turns = new Turns(limits.callsAtOnceMax);
  return async (asked: Capability | string, input: unknown, options: InvokeOptions): Promise<unknown> => {
    const capability = typeof asked === 'string' ? asked : asked.name;
    const version = typeof asked === 'string' ? '' : compatibleRange(asked.version ?? '');
    const order = {
      ...readOptions(capability, { version, ...options }),
      attemptId: attempt.attemptId,
      input: encodeInput(capability, input),
    };
    await turns.take(attempt.signal);
    try {
      const answer = await persist(order, options.onProgress ?? (() => {}), attempt);
      const output = await outputOf(order, answer, attempt);
      return typeof asked === 'string' ? output : await asked.output.parseAsync(output);
    } finally {
      turns.giveBack();
    }
  };
}

function readOptions(capability: string, options: InvokeOptions): Omit<CallOrder, 'attemptId' | 'input'> {
  const { key, timeout = 0, agentId = '', version = '', labels = {}, retries = 0 } = options;
  const timeoutMs = parseDuration(timeout);
  const fact =
    typeof key !== 'string' || key === '' || key.length > limits.callKeyCharsMax
      ? `its key must have 1 to ${limits.callKeyCharsMax} characters`
      : timeoutMs === undefined
        ? `"${timeout}" is not a duration`
        : undefined;
  if (fact === undefined && timeoutMs !== undefined)
    return { key, capability, agentId, version, labels, timeoutMs, retries };
  const call = { capability, key: String(key), status: 'REFUSED', agentId: '' } as const;
  throw new CallFailed('INVALID_ARGUMENT', `Cannot call "${capability}": ${fact}`, call, { retryable: false });
}

function encodeInput(capability: string, input: unknown): Uint8Array {
  const bytes = encodeJson(input === undefined ? {} : input);
  if (bytes.length <= limits.parametersBytesMax) return bytes;
  const fact = `its input has ${bytes.length} bytes, at most ${limits.parametersBytesMax}`;
  throw new YardmasterError('LIMIT', `Cannot call "${capability}": ${fact}`, {
    next: 'pass a reference instead of the data',
  });
}

/** Until there is an answer, a refusal that time does not mend, or the attempt must stop. */
async function persist(
  order: CallOrder,
  onProgress: (progress: CallProgress) => void,
  { calls, clock, signal }: CallsOfAttempt,
): Promise<CallAnswer> {
  for (let delayMs = RETRY_MS; ; delayMs = Math.min(RETRY_MS_MAX, delayMs * 2)) {
    try {
      return await calls.invoke(order, onProgress, signal);
    } catch (thrown) {
      signal.throwIfAborted();
      const { code, message, meta } = toYardmasterError(thrown);
      const reason = meta.reason ?? code;
      if (FINAL.has(reason) || FINAL.has(code))
        throw refused(order, FINAL.has(reason) ? reason : code, message, thrown);
    }
    await sleep(clock, delayMs, signal);
  }
}

function refused({ capability, key }: CallOrder, code: string, message: string, cause: unknown): CallFailed {
  const call = { capability, key, status: 'REFUSED', agentId: '' } as const;
  return new CallFailed(code, message, call, { cause, ...(USELESS.has(code) ? { retryable: false } : {}) });
}

async function outputOf(order: CallOrder, answer: CallAnswer, attempt: CallsOfAttempt): Promise<unknown> {
  const { capability, key } = order;
  const { runId, status, output, error } = answer;
  if (status === 'COMPLETED') return output === undefined ? null : fetchPayload(output, runId, attempt);
  const { code = status, message = '', details, agentId = '' } = error ?? {};
  const why = message === '' ? code : `${code}: ${message}`;
  throw new CallFailed(
    code,
    `Call "${key}" of "${capability}" ended ${status}, ${why}`,
    { capability, key, runId, status, agentId },
    {
      ...(details === undefined ? {} : { details: decodeValue(details) }),
    },
  );
}
