/**
 * Cron expressions: which ticks there are, and what is wrong with one. Pure: every question names its time. The calculus, with its
 * rules for clocks that change, is croner's.
 */
import { Cron } from 'croner';
import { dateOf } from '../core/clock.ts';
import { limits } from '../core/limits.ts';
import { nearest } from '../core/nearest.ts';

const NICKNAME = /^@(hourly|daily|midnight|weekly|monthly|yearly|annually)$/i;
/** As in the IANA database; offsets such as `+02:00` are none. */
const ZONE = /^[A-Za-z][A-Za-z0-9_+/-]*$/;

/** When it ticks. */
export interface CronTimes {
  readonly cron: string;
  readonly timezone: string;
}

/** The first ticks after `after`; fewer when there are no more. */
export function ticksAfter(times: CronTimes, after: number, count: number): readonly number[] {
  return parse(times)
    .nextRuns(count, dateOf(after))
    .map((tick) => tick.getTime());
}

/** The last ticks up to `until`, in order; at most `count`. */
export function ticksUntil(times: CronTimes, until: number, count: number): readonly number[] {
  const ticks = parse(times).previousRuns(count, dateOf(until + 1));
  return ticks.map((tick) => tick.getTime()).sort((left, right) => left - right);
}

/** Undefined: it can be read. */
export function findTimezoneFault(timezone: string): string | undefined {
  if (ZONE.test(timezone) && isKnownZone(timezone)) return undefined;
  const near = nearest(timezone, ['UTC', ...Intl.supportedValuesOf('timeZone')]);
  return `there is no timezone "${timezone.slice(0, 64)}"${near === undefined ? '' : `; did you mean "${near}"?`}`;
}

/** Undefined: it can be read, and ticks some day. */
export function findCronFault(cron: string): string | undefined {
  if (cron.length > limits.cronCharsMax) return `it has ${cron.length} characters, at most ${limits.cronCharsMax}`;
  const fields = cron.trim().split(/\s+/).length;
  if (!NICKNAME.test(cron.trim()) && fields !== 5 && fields !== 6) {
    return 'it does not have five fields (minute, hour, day of month, month, day of week), nor six with the second first';
  }
  try {
    // No field is of the year: what ticks after any time ticks after every time.
    return ticksAfter({ cron, timezone: 'UTC' }, 0, 1).length === 0 ? 'it never ticks' : undefined;
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error);
  }
}

/** Without a function croner starts nothing. */
function parse({ cron, timezone }: CronTimes): Cron {
  return new Cron(cron.trim(), { timezone, paused: true, mode: '5-or-6-parts' });
}

function isKnownZone(timezone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone });
    return true;
  } catch {
    return false;
  }
}
