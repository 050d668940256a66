import { create } from '@bufbuild/protobuf';
import {
  type Duration,
  DurationSchema,
  type Timestamp,
  timestampMs,
  timestampFromMs as toTimestamp,
} from '@bufbuild/protobuf/wkt';
import type { Faults } from './faults.ts';

/** A hundred years: the longest duration that still fits a date. */
const SECONDS_MAX = 100n * 365n * 86_400n;
const NANOS_PER_MS = 1_000_000;
/** The range of a Timestamp, in seconds since 1970. */
const TIME_MIN = -62_135_596_800n;
const TIME_MAX = 253_402_300_799n;

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

export function writeDuration(ms: number): Duration {
  const seconds = Math.floor(ms / 1_000);
  const nanos = Math.round((ms - seconds * 1_000) * NANOS_PER_MS);
  return create(DurationSchema, { seconds: BigInt(seconds), nanos });
}

/** Wall ms of a time from outside; undefined when it is unset or (with a fault) out of range. */
export function readTime(faults: Faults, pointer: string, time: Timestamp | undefined): number | undefined {
  if (time === undefined) return undefined;
  const { seconds, nanos } = time;
  if (seconds >= TIME_MIN && seconds <= TIME_MAX && nanos >= 0 && nanos < 1_000 * NANOS_PER_MS)
    return timestampMs(time);
  faults.add(pointer, 'is not a time between the years 1 and 9999');
  return undefined;
}

/** Wall ms; 0 (and absent) is "not yet" and stays unset. */
export function writeTime(ms: number | undefined): Timestamp | undefined {
  return ms === undefined || ms === 0 ? undefined : toTimestamp(ms);
}
