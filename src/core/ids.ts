/**
 * Identifiers. A run id is a 26-character lower-case ULID; an attempt id is `<run id>/<step path>#<number>`, where the
 * number is the fence. People see the last 8 characters of a run id.
 */
import { hash32, type Random } from './random.ts';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
export const RUN_ID_LENGTH = 26;
export const SHARD_COUNT = 256;
const ULID_TIME_MAX = 2 ** 48 - 1;

/** Ids of steps, agents and capabilities that may stand in a path. */
export const STEP_ID_PATTERN = /^[A-Za-z0-9_-]{1,64}$/;
/** Own members of every object in JavaScript: allowed in data, too confusing as names. */
export const RESERVED_IDS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
/** Agent ids and capability names: like step ids, with dots, colons and slashes kept out of paths. */
export const NAME_PATTERN = /^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}$/;

/** A ULID in lower case: 48 bits of time, 80 of randomness; sorts by time. */
export function createUlid(nowMs: number, random: Random): string {
  let text = timeOfUlid(nowMs);
  const bytes = random.bytes(16);
  for (let i = 0; i < 16; i++) text += ALPHABET.charAt((bytes[i] ?? 0) & 31);
  return text;
}

/** A ULID that comes after `last`, if that is one of the same millisecond: what starts in one moment keeps its order. */
export function createUlidAfter(last: string, nowMs: number, random: Random): string {
  const made = createUlid(nowMs, random);
  return made > last || made.slice(0, 10) !== last.slice(0, 10) ? made : (increment(last) ?? made);
}

/** The next one; undefined when there is none in its millisecond. */
function increment(ulid: string): string | undefined {
  for (let at = ulid.length - 1; at >= 10; at--) {
    const digit = ALPHABET.indexOf(ulid.charAt(at));
    if (digit === ALPHABET.length - 1) continue;
    return ulid.slice(0, at) + ALPHABET.charAt(digit + 1) + ALPHABET.charAt(0).repeat(ulid.length - 1 - at);
  }
  return undefined;
}

/** The lowest ULID of that millisecond: all that were made before it are below. Times outside of 48 bits are their ends. */
export function firstUlidAt(ms: number): string {
  return timeOfUlid(Math.min(Math.max(ms, 0), ULID_TIME_MAX)) + ALPHABET.charAt(0).repeat(16);
}

function timeOfUlid(ms: number): string {
  let text = '';
  let time = Math.floor(ms);
  for (let i = 0; i < 10; i++) {
    text = ALPHABET.charAt(time % 32) + text;
    time = Math.floor(time / 32);
  }
  return text;
}

/** The part of the runs that `runId` belongs to, 0..255. */
export function shardOf(runId: string): number {
  return hash32(runId) % SHARD_COUNT;
}

/** What people see of a run id. */
export function shortId(id: string): string {
  return id.slice(-8);
}

/** Request ids of calls between agents begin with it; those of callers may not. */
export const CALL_REQUESTS = 'call/';

export interface AttemptKey {
  readonly runId: string;
  readonly path: string;
  /** From 1; only grows within a step. */
  readonly number: number;
}

export function formatAttemptId(key: AttemptKey): string {
  return `${key.runId}/${key.path}#${key.number}`;
}

/** Reads an attempt id from the wire; undefined when it is not one. */
export function parseAttemptId(id: string): AttemptKey | undefined {
  const hash = id.lastIndexOf('#');
  if (hash < RUN_ID_LENGTH + 2 || id.charCodeAt(RUN_ID_LENGTH) !== 47 || id.length > 2048) return undefined;
  const number = Number(id.slice(hash + 1));
  if (!Number.isSafeInteger(number) || number < 1) return undefined;
  return { runId: id.slice(0, RUN_ID_LENGTH), path: id.slice(RUN_ID_LENGTH + 1, hash), number };
}
