/** When a workflow's schedule ticks, and what it starts runs with. Whether its parameters fit the schema, the control plane says. */

import { limits } from '../core/limits.ts';
import { encodeValue } from '../core/value.ts';
import { findCronFault, findTimezoneFault } from './cron.ts';
import type { ScheduleDefinition } from './definition.ts';
import type { Finding } from './finding.ts';

/** Labels that the control plane gives each run of a schedule. */
export const SCHEDULE_LABELS: readonly string[] = ['schedule', 'scheduled-at'];
export const CRON_NEXT = 'write it as "0 2 * * *": minute, hour, day of month, month, day of week';
export const TIMEZONE_NEXT = 'give an IANA name, such as Europe/Berlin';

/** The depth of its parameters is known to be small. */
export function checkSchedule(schedule: ScheduleDefinition): readonly Finding[] {
  const { cron, timezone = 'UTC', parameters = {}, labels = {}, catchUpWindowMs = 1 } = schedule;
  const findings: Finding[] = [];
  const report = (code: string, fields: readonly string[], fact: string, next?: string): void => {
    const told = next === undefined ? {} : { next };
    findings.push({ code, message: `the schedule: ${fact}`, path: ['schedule', ...fields], ...told });
  };
  const cronFault = findCronFault(cron);
  const shown = JSON.stringify(cron.slice(0, 64));
  if (cronFault !== undefined) report('BAD_CRON', ['cron'], `cannot read ${shown}: ${cronFault}`, CRON_NEXT);
  const zoneFault = findTimezoneFault(timezone);
  if (zoneFault !== undefined) report('UNKNOWN_TIMEZONE', ['timezone'], zoneFault, TIMEZONE_NEXT);
  const { length } = encodeValue(parameters);
  if (length > limits.scheduleParametersBytesMax) {
    const fact = `"parameters" has ${length} bytes, at most ${limits.scheduleParametersBytesMax}`;
    report('LIMIT', ['parameters'], fact, 'pass a reference instead of the data');
  }
  for (const name of SCHEDULE_LABELS)
    if (Object.hasOwn(labels, name))
      report('BAD_FIELD', ['labels', name], `label "${name}" is set by the control plane`, 'give it another name');
  if (!Number.isSafeInteger(catchUpWindowMs) || catchUpWindowMs <= 0 || catchUpWindowMs > limits.catchUpWindowMsMax)
    report('BAD_FIELD', ['catchUpWindow'], '"catchUpWindow" must be more than 0 and at most 365 days');
  return findings;
}
