/** The times that a `wait` may be given, from a definition or out of data. */
import { fromJson, toJson } from '@bufbuild/protobuf';
import { TimestampSchema, timestampMs } from '@bufbuild/protobuf/wkt';
import { DURATION_MS_MAX, parseDuration } from '../core/duration.ts';
import type { JsonValue } from '../core/json.ts';

/** A date, a time and where on earth it is meant: without its offset a time would depend on the machine. */
const TIME_PATTERN = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;

/** True for text that begins like a date, which no expression does. */
export function isTimeText(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}/.test(text);
}

/** Wall ms; undefined when it is no time that can be waited for. */
export function readTime(value: JsonValue): number | undefined {
  if (typeof value !== 'string' || !TIME_PATTERN.test(value)) return undefined;
  try {
    // The parser takes February 30 for March 2.
    const day = `${value.slice(0, 10)}T00:00:00Z`;
    if (toJson(TimestampSchema, fromJson(TimestampSchema, day)) !== day) return undefined;
    return timestampMs(fromJson(TimestampSchema, value));
  } catch {
    // There is no such day or hour.
    return undefined;
  }
}

/** Milliseconds; undefined when it is no duration. */
export function readLength(value: JsonValue): number | undefined {
  return typeof value === 'number' || typeof value === 'string' ? parseDuration(value) : undefined;
}

/** The latest time that a step may wait for at `now`. */
export function latestTime(now: number): number {
  return now + DURATION_MS_MAX;
}
