/** Which ticks of a schedule start a run now: those that are on time, and of the missed ones what the schedule makes up for. Pure. */

import { ticksAfter, ticksUntil } from '../../workflow/cron.ts';
import type { ScheduleRow, ScheduleSpec } from '../store/port.ts';

/** A tick that is less late than this was not missed: a restart takes a moment, too. */
export const ON_TIME_MS = 60_000;
/** Ticks looked back at; older ones are gone. With a tick every second: all that are on time. */
export const TICKS_LOOKED_AT_MAX = 100;

export interface DueTicks {
  /** In order. */
  readonly start: readonly number[];
  /** Missed and not made up for. */
  readonly missed: number;
  /** The newest that is due; undefined: none is. */
  readonly newest: number | undefined;
}

export function dueTicks({ spec, seenAt }: Pick<ScheduleRow, 'spec' | 'seenAt'>, now: number): DueTicks {
  const due = ticksBetween(spec, seenAt, now);
  const onTime = due.filter((tick) => tick > now - ON_TIME_MS);
  const late = due.slice(0, due.length - onTime.length);
  const madeUp = pickMissed(spec, late, onTime.length > 0, now);
  return { start: [...madeUp, ...onTime], missed: late.length - madeUp.length, newest: due.at(-1) };
}

/** Usually one, and looking back at a hundred is dear. */
function ticksBetween(spec: ScheduleSpec, seenAt: number, now: number): readonly number[] {
  const first = ticksAfter(spec, seenAt, 2).filter((tick) => tick <= now);
  if (first.length < 2) return first;
  return ticksUntil(spec, now, TICKS_LOOKED_AT_MAX).filter((tick) => tick > seenAt);
}

function pickMissed(spec: ScheduleSpec, late: readonly number[], isFollowed: boolean, now: number): readonly number[] {
  const recent = late.filter((tick) => tick >= now - spec.catchUpWindowMs);
  switch (spec.catchUp) {
    case 'none':
      return [];
    case 'one':
      // The one that is on time stands for all.
      return isFollowed ? [] : recent.slice(-1);
    case 'all':
      return recent;
  }
}
