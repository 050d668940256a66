/** The written form of a workflow's schedule: a cron expression, or an object that says more. */
import type { ScheduleDefinition } from './definition.ts';
import { readFields } from './fields.ts';
import type { Finding } from './finding.ts';
import { isRecord } from './json-copy.ts';
import { scheduleForm, scheduleRequired } from './schema.ts';

const PATH = ['schedule'];
/** What the schedules that are put by hand say, too. */
const HINTS = {
  workflow: 'it starts the workflow that it stands in',
  version: 'it starts the newest version',
  name: 'it has the name of the workflow',
};

/** What is a default leaves no trace, so that every way of writing it has the same content. */
export function readSchedule(written: unknown, report: (finding: Finding) => void): ScheduleDefinition {
  if (typeof written === 'string') return { cron: written };
  if (!isRecord(written)) {
    report({ code: 'BAD_FIELD', message: 'a schedule is a cron expression, or an object with "cron"', path: PATH });
    return { cron: '' };
  }
  const {
    cron = '',
    catchUpWindow,
    labels,
    paused,
    ...rest
  } = readFields(scheduleForm, written, {
    subject: 'the schedule',
    path: PATH,
    required: scheduleRequired,
    later: new Set(),
    hints: HINTS,
    report,
  });
  return {
    ...rest,
    cron,
    ...(labels !== undefined && Object.keys(labels).length > 0 && { labels }),
    ...(catchUpWindow !== undefined && { catchUpWindowMs: catchUpWindow }),
    ...(paused === true && { paused }),
  };
}
