/** How the end of a handler becomes the end of its attempt. */
import type { z } from 'zod';
import { isYardmasterError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { AttemptEnd, AttemptOrder, StopCause } from './news.ts';
import { encodeJson } from './payload.ts';
import { HandBack, StepError } from './step-error.ts';

/** Schema problems that are told; the first ones are enough to find the mistake. */
const ISSUES_MAX = 20;
/** Errors of ours that another try would only repeat. */
const FINAL_CODES = new Set(['LIMIT', 'INVALID_VALUE', 'BLOB_CORRUPT']);
/** The attempt's time or contact is over by our own clock alone, or we leave: another instance may go on with it. */
const OWN_CAUSES: ReadonlySet<StopCause> = new Set(['CONTACT_LOST', 'DRAINING']);

/** The end of a handler that threw. */
export function endOfError(error: unknown): AttemptEnd {
  if (error instanceof HandBack) return { type: 'handedBack', reason: cut(error.message) };
  if (error instanceof StepError) return endOfStepError(error);
  if (isYardmasterError(error)) {
    const code = error.code === 'RESOURCE_EXHAUSTED' ? 'LIMIT' : error.code;
    const message = cut(error.message);
    return { type: 'failed', code, message, ...(FINAL_CODES.has(code) ? { retryable: false } : {}) };
  }
  return { type: 'failed', code: 'HANDLER_ERROR', message: cut(messageOf(error)) };
}

/** The end of a handler that threw after it was told to stop. */
export function endOfStop(cause: StopCause): AttemptEnd {
  if (OWN_CAUSES.has(cause)) return { type: 'handedBack', reason: cause };
  if (cause === 'TIMEOUT') return { type: 'failed', code: 'TIMEOUT', message: 'the time of the attempt is over' };
  return { type: 'cancelled' };
}

/** A value that does not fit the schema of the capability. */
export function schemaFailure(
  code: 'INVALID_INPUT' | 'INVALID_OUTPUT',
  { capability }: AttemptOrder,
  error: z.ZodError,
): AttemptEnd {
  const problems = error.issues.slice(0, ISSUES_MAX).map(({ path, message }) => ({ path: path.join('.'), message }));
  const subject = code === 'INVALID_INPUT' ? 'input' : 'output';
  const facts = problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ');
  return {
    type: 'failed',
    code,
    message: cut(`The ${subject} of "${capability}" does not fit its schema: ${facts}`),
    details: encodeJson({ problems }),
    // The same input fails again; an output may be better next time.
    ...(code === 'INVALID_INPUT' ? { retryable: false } : {}),
  };
}

function endOfStepError(error: StepError): AttemptEnd {
  const { code, retryable, retryAfterMs, avoidThisAgent } = error;
  const details = encodeDetails(error.details);
  return {
    type: 'failed',
    code: code === '' ? 'HANDLER_ERROR' : code,
    message: cut(error.message),
    retryAfterMs: toUint32(retryAfterMs),
    avoidThisAgent,
    ...(retryable === undefined ? {} : { retryable }),
    ...(details === undefined ? {} : { details }),
  };
}

/** Details that cannot travel must not hide the failure itself. */
function encodeDetails(details: unknown): Uint8Array | undefined {
  if (details === undefined) return undefined;
  try {
    const bytes = encodeJson(details);
    return bytes.length <= limits.inlineWireBytesMax ? bytes : encodeJson({ dropped: `${bytes.length} bytes` });
  } catch (error) {
    return encodeJson({ dropped: messageOf(error) });
  }
}

function toUint32(ms: number): number {
  return Number.isFinite(ms) ? Math.min(0xffff_ffff, Math.max(0, Math.round(ms))) : 0;
}

function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    // Such as an object without a prototype.
    return 'the handler threw something that has no text';
  }
}

function cut(message: string): string {
  const text = message.toWellFormed();
  return text.length <= limits.errorMessageCharsMax ? text : text.slice(0, limits.errorMessageCharsMax);
}
