/** What becomes of a schedule when it is given a content. Pure. */
import type { ScheduleKey, ScheduleRow, ScheduleSpec } from '../store/port.ts';

export interface ScheduleContent extends ScheduleKey {
  readonly spec: ScheduleSpec;
  readonly isOfWorkflow: boolean;
  /** Absent: as it is; a new schedule is not. */
  readonly isPaused?: boolean;
}

/** From now on; a clock that was set back brings no tick again. */
export function laterOf({ seenAt }: ScheduleRow, now: number): number {
  return Math.max(seenAt, now);
}

/** Times that are changed tick from now on, and so does one that is resumed: what the old ones missed is of no use. */
export function changedRow(before: ScheduleRow | undefined, content: ScheduleContent, now: number): ScheduleRow {
  const { namespace, name, spec, isOfWorkflow } = content;
  const isPaused = content.isPaused ?? before?.isPaused ?? false;
  if (before === undefined)
    return { namespace, name, spec, isOfWorkflow, isPaused, createdAt: now, updatedAt: now, seenAt: now };
  const isSame = before.spec.cron === spec.cron && before.spec.timezone === spec.timezone;
  const isResumed = before.isPaused && !isPaused;
  const seenAt = isSame && !isResumed ? before.seenAt : laterOf(before, now);
  return { ...before, spec, isOfWorkflow, isPaused, updatedAt: now, seenAt };
}
