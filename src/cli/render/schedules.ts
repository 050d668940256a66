/** Schedules: a list, and one of them. */
import type { ScheduleView, WorkflowScheduleView } from '../../client/index.ts';
import { unitDuration } from '../../core/duration.ts';
import { shortId } from '../../core/ids.ts';
import type { ListOptions } from './lists.ts';
import { paintStatus } from './style.ts';
import { alignParts, type Column, renderTable } from './table.ts';
import { safe } from './text.ts';
import { dateTime, roughly } from './time.ts';

export function renderSchedules(schedules: readonly ScheduleView[], options: ListOptions): string {
  const { nowMs, utc } = options;
  const columns: readonly Column<ScheduleView>[] = [
    { title: 'SCHEDULE', cell: ({ name }) => safe(name) },
    { title: 'WORKFLOW', cell: workflowOf },
    { title: 'FROM', cell: ({ ofWorkflow }) => (ofWorkflow ? 'workflow' : 'put') },
    { title: 'CRON', cell: ({ cron }) => safe(cron) },
    { title: 'TIMEZONE', cell: ({ timezone }) => safe(timezone) },
    { title: 'NEXT', cell: (schedule) => nextOf(schedule, nowMs) },
    { title: 'LAST', cell: ({ lastTick }) => lastTick?.outcome ?? '', status: true },
    {
      title: 'AT',
      cell: ({ lastTick }) => (lastTick?.time === undefined ? '' : dateTime(lastTick.time, utc)),
      wide: true,
    },
    { title: 'RUN', cell: ({ lastRunId }) => (lastRunId === undefined ? '' : shortId(lastRunId)) },
  ];
  return renderTable(schedules, columns, options);
}

function workflowOf({ workflow, version }: ScheduleView): string {
  return version === undefined ? safe(workflow) : `${safe(workflow)} v${version}`;
}

function nextOf({ paused, nextTimes }: ScheduleView, nowMs: number): string {
  const [next] = nextTimes;
  if (paused) return 'paused';
  return next === undefined ? 'never' : `in ${roughly(next.getTime() - nowMs)}`;
}

/** Of a definition: `0 2 * * * in Europe/Berlin with {"region":"north"}, begins paused` */
export function scheduleText({ cron, timezone, parameters, paused }: WorkflowScheduleView): string {
  const given = Object.keys(parameters).length === 0 ? '' : ` with ${safe(JSON.stringify(parameters))}`;
  return `${safe(cron)} in ${safe(timezone)}${given}${paused ? ', begins paused' : ''}`;
}

/** One line for each fact. */
export function renderSchedule(schedule: ScheduleView, { utc, style }: ListOptions): string {
  const { lastTick, lastRunId, lastRunStatus, parameters, labels } = schedule;
  const pairs = Object.entries(labels).map(([key, value]) => `${safe(key)}=${safe(value)}`);
  const facts: readonly (readonly string[])[] = [
    ['starts', workflowOf(schedule)],
    ['from', schedule.ofWorkflow ? 'the definition of that workflow; register another version to change it' : ''],
    ['cron', `${safe(schedule.cron)} in ${safe(schedule.timezone)}`],
    ['parameters', Object.keys(parameters).length === 0 ? '' : safe(JSON.stringify(parameters))],
    ['labels', pairs.join(',')],
    ['priority', schedule.priority ?? ''],
    ['overlap', schedule.overlap],
    ['catch up', `${schedule.catchUp}, within ${unitDuration(schedule.catchUpWindowMs)}`],
    ['next', schedule.paused ? 'paused' : schedule.nextTimes.map((time) => dateTime(time, utc)).join(', ')],
    ['last tick', lastTick === undefined ? '' : tickText(lastTick, utc)],
    [
      'last run',
      lastRunId === undefined
        ? ''
        : `${shortId(lastRunId)} ${lastRunStatus === undefined ? '' : paintStatus(style, lastRunStatus)}`.trim(),
    ],
  ];
  const told = facts.filter(([, text]) => text !== '').map(([title, text]) => [`  ${title}`, text ?? '']);
  return [safe(schedule.name), ...alignParts(told)].join('\n');
}

function tickText({ time, outcome, errorCode }: NonNullable<ScheduleView['lastTick']>, utc: boolean): string {
  const when = time === undefined ? '' : `${dateTime(time, utc)} `;
  return `${when}${outcome}${errorCode === undefined ? '' : ` ${safe(errorCode)}`}`;
}
