/** Schedules from the wire, and to it. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { parseDuration } from '../../core/duration.ts';
import { YardmasterError } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import { RunStatus } from '../../gen/yardmaster/v1/run_pb.ts';
import {
  type Schedule,
  ScheduleCatchUp,
  ScheduleOverlap,
  type ScheduleSchema,
} from '../../gen/yardmaster/v1/schedule_pb.ts';
import { readRunStatus, readScheduleCatchUp, readScheduleOutcome, readScheduleOverlap } from '../statuses.ts';
import type { ScheduleView } from '../views.ts';
import { type PriorityName, priorityNumber, toPriority } from './run.ts';
import { textOrNone, toDate, toMs, toValue, toWireValue } from './wire.ts';

export const overlapNames = ['skip', 'allow', 'cancelOther'] as const;
export const catchUpNames = ['none', 'one', 'all'] as const;

/** What is started when. */
export interface ScheduleSpec {
  /** Name of the workflow. */
  readonly workflow: string;
  /** Default: the newest at the time of the tick. */
  readonly version?: number;
  /** `0 2 * * *`: minute, hour, day of month, month, day of week; six fields begin with the second; or `@daily`. */
  readonly cron: string;
  /** An IANA name, such as `Europe/Berlin`; default `UTC`. */
  readonly timezone?: string;
  readonly parameters?: object;
  readonly labels?: Readonly<Record<string, string>>;
  /** Default: that of the workflow. */
  readonly priority?: PriorityName;
  /** What a tick does while the last run is open: nothing (default), start beside it, or cancel it and start. */
  readonly overlap?: (typeof overlapNames)[number];
  /** Which of the ticks that nobody saw are made up for; default `one`, the newest. */
  readonly catchUp?: (typeof catchUpNames)[number];
  /** Ticks that were missed longer ago are not made up for. Milliseconds, or `12h`; default 1 day. */
  readonly catchUpWindow?: number | string;
  /** Default: as it is; a new schedule is not. */
  readonly paused?: boolean;
}

export const OVERLAPS = {
  skip: ScheduleOverlap.SKIP,
  allow: ScheduleOverlap.ALLOW,
  cancelOther: ScheduleOverlap.CANCEL_OTHER,
};
export const CATCH_UPS = { none: ScheduleCatchUp.NONE, one: ScheduleCatchUp.ONE, all: ScheduleCatchUp.ALL };

export function toWireSchedule(name: string, spec: ScheduleSpec): MessageInitShape<typeof ScheduleSchema> {
  const { overlap, catchUp, catchUpWindow, paused } = spec;
  const parameters = toWireValue(spec.parameters);
  return {
    name,
    workflow: spec.workflow,
    version: spec.version ?? 0,
    cron: spec.cron,
    timezone: spec.timezone ?? '',
    ...(parameters === undefined ? {} : { parameters }),
    labels: { ...spec.labels },
    priority: priorityNumber(spec.priority),
    overlap: overlap === undefined ? ScheduleOverlap.UNSPECIFIED : OVERLAPS[overlap],
    catchUp: catchUp === undefined ? ScheduleCatchUp.UNSPECIFIED : CATCH_UPS[catchUp],
    ...(catchUpWindow === undefined ? {} : { catchUpWindow: durationFromMs(readWindow(name, catchUpWindow)) }),
    ...(paused === undefined ? {} : { paused }),
  };
}

function readWindow(name: string, window: number | string): number {
  const ms = parseDuration(window);
  if (ms !== undefined) return ms;
  throw new YardmasterError('INVALID_DURATION', `Cannot put schedule "${name}": "${window}" is not a duration`, {
    next: 'write it as 12h',
  });
}

export function toSchedule(schedule: Schedule): ScheduleView {
  const { lastTick, parameters } = schedule;
  const json = toValue(parameters);
  return {
    name: schedule.name,
    workflow: schedule.workflow,
    version: schedule.version === 0 ? undefined : schedule.version,
    cron: schedule.cron,
    timezone: schedule.timezone,
    parameters: isJsonObject(json) ? json : {},
    labels: schedule.labels,
    priority: toPriority(schedule.priority),
    overlap: readScheduleOverlap(schedule.overlap),
    catchUp: readScheduleCatchUp(schedule.catchUp),
    catchUpWindowMs: toMs(schedule.catchUpWindow) ?? 0,
    paused: schedule.paused ?? false,
    createTime: toDate(schedule.createTime),
    updateTime: toDate(schedule.updateTime),
    nextTimes: schedule.nextTimes.map((time) => toDate(time)).filter((time) => time !== undefined),
    lastTick:
      lastTick === undefined
        ? undefined
        : {
            time: toDate(lastTick.time),
            outcome: readScheduleOutcome(lastTick.outcome),
            errorCode: textOrNone(lastTick.errorCode),
          },
    ofWorkflow: schedule.ofWorkflow,
    lastRunId: textOrNone(schedule.lastRunId),
    lastRunStatus: schedule.lastRunStatus === RunStatus.UNSPECIFIED ? undefined : readRunStatus(schedule.lastRunStatus),
  };
}
