import { create } from '@bufbuild/protobuf';
import { type Duration, DurationSchema, type Timestamp, timestampFromMs as toTimestamp } from '@bufbuild/protobuf/wkt';
import type { Faults } from './faults.ts';

/** A hundred years: the longest duration that still fits a date. */
const SECONDS_MAX = 100n * 365n * 86_400n;
/** 9999-12-31T23:59:59Z: the last that a Timestamp may say. */
const TIME_SECONDS_MAX = 253_402_300_799n;
const NANOS_PER_MS = 1_000_000;

/** Milliseconds of a duration from outside; undefined when it is unset or (with a fault) out of range. */
export function readDuration(faults: Faults, pointer: string, duration: Duration | undefined): number | undefined {
  if (duration === undefined) return undefined;
  const { seconds, nanos } = duration;
  if (seconds < 0n || nanos < 0 || nanos >= 1_000 * NANOS_PER_MS || seconds > SECONDS_MAX) {
    faults.add(pointer, 'is not a duration between 0 and 100 years');
    return undefined;
  }
  return Number(seconds) * 1_000 + Math.round(nanos / NANOS_PER_MS);
}

/**
 * Wall ms of a time from outside, the next whole one: what happens in whole milliseconds is before both or neither. Undefined when it
 * is unset or (with a fault) out of range.
 */
export function readTime(faults: Faults, pointer: string, time: Timestamp | undefined): number | undefined {
  if (time === undefined) return undefined;
  const { seconds, nanos } = time;
  if (seconds < 0n || seconds > TIME_SECONDS_MAX || nanos < 0 || nanos >= 1_000 * NANOS_PER_MS) {
    faults.add(pointer, 'is not a time between the years 1970 and 9999');
    return undefined;
  }
  return Number(seconds) * 1_000 + Math.ceil(nanos / NANOS_PER_MS);
}

export function writeDuration(ms: number): Duration {
  const seconds = Math.floor(ms / 1_000);
  const nanos = Math.round((ms - seconds * 1_000) * NANOS_PER_MS);
  return create(DurationSchema, { seconds: BigInt(seconds), nanos });
}

/** Wall ms; 0 (and absent) is "not yet" and stays unset. */
export function writeTime(ms: number | undefined): Timestamp | undefined {
  return ms === undefined || ms === 0 ? undefined : toTimestamp(ms);
}
