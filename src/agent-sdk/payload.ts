/** Values of handlers, to and from what travels: inline bytes, or a blob when they are large. */
import { createHash } from 'node:crypto';
import { type Clock, sleep } from '../core/clock.ts';
import { isYardmasterError, YardmasterError } from '../core/errors.ts';
import type { JsonValue } from '../core/json.ts';
import { limits } from '../core/limits.ts';
import { decodeValue, encodeValue } from '../core/value.ts';
import type { BlobLink } from './link.ts';
import type { WirePayload } from './news.ts';

/** Numbers from here on are printed with an exponent, so nobody takes them for an exact integer. */
const EXPONENT_FROM = 1e21;
const RETRY_MS = 200;
const RETRY_MS_MAX = 5_000;
/** What another try cannot mend. Not FAILED_PRECONDITION: an upload may overtake the Hello that makes its attempt known. */
const FINAL_CODES = new Set([
  'INVALID_ARGUMENT',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'UNAUTHENTICATED',
  'RESOURCE_EXHAUSTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'BLOB_CORRUPT',
]);

export interface PayloadSizes {
  readonly inlineValueBytesMax: number;
  readonly blobBytesMax: number;
}

export interface PayloadTransfer {
  readonly blobs: BlobLink;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** The bytes of a Value; throws INVALID_VALUE for what JSON cannot say exactly, integers beyond 2^53 included. */
export function encodeJson(value: unknown): Uint8Array {
  const bytes = encodeValue(value);
  refuseInexact(value, '');
  return bytes;
}

/**
 * An output as it travels: inline, or, when it is large, stored first, with another try for as long as the signal allows.
 * Throws INVALID_VALUE, and LIMIT when it is too large for a blob.
 */
export function sendPayload(
  value: unknown,
  attemptId: string,
  sizes: PayloadSizes,
  transfer: PayloadTransfer,
): WirePayload | Promise<WirePayload> {
  const bytes = encodeJson(value);
  if (bytes.length <= sizes.inlineValueBytesMax) return { kind: 'value', bytes };
  const bytesMax = Math.min(sizes.blobBytesMax, limits.blobBytesMax);
  if (bytes.length <= bytesMax) return spill(bytes, attemptId, transfer);
  throw new YardmasterError('LIMIT', `Cannot send an output of ${bytes.length} bytes: at most ${bytesMax} are stored`, {
    next: 'write it to a store of your own and return a reference',
  });
}

async function spill(
  bytes: Uint8Array,
  attemptId: string,
  { blobs, clock, signal }: PayloadTransfer,
): Promise<WirePayload> {
  const upload = { attemptId, bytes, sha256: digest(bytes) };
  return { kind: 'blob', blob: await persist(() => blobs.upload(upload, signal), clock, signal) };
}

/** The value itself; a blob is fetched, and its digest checked if the control plane knows it. */
export async function fetchPayload(
  payload: WirePayload,
  runId: string,
  { blobs, clock, signal }: PayloadTransfer,
): Promise<JsonValue> {
  if (payload.kind === 'value') return decodeValue(payload.bytes);
  const { blob } = payload;
  const bytes = await persist(() => blobs.download(runId, blob, signal), clock, signal);
  // A value that the control plane made itself comes without a digest.
  if (blob.sha256.length > 0 && Buffer.compare(digest(bytes), blob.sha256) !== 0) {
    throw new YardmasterError('BLOB_CORRUPT', `Cannot read blob "${blob.blobId}": its SHA-256 does not fit`);
  }
  return decodeValue(bytes);
}

/** Tries until it works, the signal aborts, or the failure is one that time does not mend. */
async function persist<T>(attempt: () => Promise<T>, clock: Clock, signal: AbortSignal): Promise<T> {
  for (let delayMs = RETRY_MS; ; delayMs = Math.min(RETRY_MS_MAX, delayMs * 2)) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      if (!isYardmasterError(error) || FINAL_CODES.has(error.code)) throw error;
    }
    await sleep(clock, delayMs, signal);
  }
}

function digest(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

/** Called after `encodeValue`, so the value is plain JSON of bounded depth. */
function refuseInexact(value: unknown, place: string): void {
  if (typeof value === 'number') {
    if (!Number.isInteger(value) || Number.isSafeInteger(value) || Math.abs(value) >= EXPONENT_FROM) return;
    throw new YardmasterError('INVALID_VALUE', `Cannot encode the integer ${value} at "${place}": it is beyond 2^53`, {
      next: 'send large integers as text',
    });
  }
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) for (let i = 0; i < value.length; i++) refuseInexact(value[i], `${place}[${i}]`);
  else for (const [key, member] of Object.entries(value)) refuseInexact(member, place === '' ? key : `${place}.${key}`);
}
