/** Schedules from the wire, and to it. What a cron, a timezone and a workflow mean is checked by the control plane. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { isJsonObject, type JsonObject } from '../../../core/json.ts';
import { limits } from '../../../core/limits.ts';
import { RunStatus } from '../../../gen/yardmaster/v1/run_pb.ts';
import {
  type Schedule,
  ScheduleCatchUp,
  ScheduleOutcome,
  ScheduleOverlap,
  type ScheduleSchema,
  type ScheduleTickSchema,
} from '../../../gen/yardmaster/v1/schedule_pb.ts';
import type { ScheduleView } from '../../runtime/control-plane.ts';
import type { ScheduleSpec, ScheduleTick } from '../../store/port.ts';
import type { Faults } from './faults.ts';
import { readTemplate, writeTemplate } from './json.ts';
import { readPriority, writePriority } from './priority.ts';
import { quote, readLabels, readName } from './text.ts';
import { readDuration, writeDuration, writeTime } from './times.ts';

const DAY_MS = 86_400_000;
/** What the control plane says itself. */
const RESERVED_LABELS = ['schedule', 'scheduled-at'];

const OVERLAPS = new Map<number, ScheduleSpec['overlap']>([
  [ScheduleOverlap.UNSPECIFIED, 'skip'],
  [ScheduleOverlap.SKIP, 'skip'],
  [ScheduleOverlap.ALLOW, 'allow'],
  [ScheduleOverlap.CANCEL_OTHER, 'cancelOther'],
]);

const OVERLAP_NUMBERS: Readonly<Record<ScheduleSpec['overlap'], ScheduleOverlap>> = {
  skip: ScheduleOverlap.SKIP,
  allow: ScheduleOverlap.ALLOW,
  cancelOther: ScheduleOverlap.CANCEL_OTHER,
};

const CATCH_UPS = new Map<number, ScheduleSpec['catchUp']>([
  [ScheduleCatchUp.UNSPECIFIED, 'one'],
  [ScheduleCatchUp.NONE, 'none'],
  [ScheduleCatchUp.ONE, 'one'],
  [ScheduleCatchUp.ALL, 'all'],
]);

const CATCH_UP_NUMBERS: Readonly<Record<ScheduleSpec['catchUp'], ScheduleCatchUp>> = {
  none: ScheduleCatchUp.NONE,
  one: ScheduleCatchUp.ONE,
  all: ScheduleCatchUp.ALL,
};

export function readScheduleName(faults: Faults, pointer: string, name: string): string {
  if (name.length > limits.scheduleNameCharsMax)
    faults.add(pointer, `${quote(name)} has more than ${limits.scheduleNameCharsMax} characters`);
  return readName(faults, pointer, name);
}

export function readSchedule(faults: Faults, wire: Schedule): ScheduleSpec {
  const priority = readPriority(wire.priority);
  return {
    workflow: readName(faults, 'workflow', wire.workflow),
    version: wire.version,
    cron: wire.cron,
    timezone: wire.timezone === '' ? 'UTC' : wire.timezone,
    parameters: readParameters(faults, wire),
    labels: readOwnLabels(faults, wire.labels),
    ...(priority === undefined ? {} : { priority }),
    overlap: readWord(faults, 'overlap', OVERLAPS.get(wire.overlap), 'skip'),
    catchUp: readWord(faults, 'catch_up', CATCH_UPS.get(wire.catchUp), 'one'),
    catchUpWindowMs: readWindow(faults, wire),
  };
}

export function writeSchedule({ row, next, lastRunStatus }: ScheduleView): MessageInitShape<typeof ScheduleSchema> {
  const { spec } = row;
  return {
    name: row.name,
    workflow: spec.workflow,
    version: spec.version,
    cron: spec.cron,
    timezone: spec.timezone,
    parameters: writeTemplate(spec.parameters),
    labels: { ...spec.labels },
    priority: writePriority(spec.priority),
    overlap: OVERLAP_NUMBERS[spec.overlap],
    catchUp: CATCH_UP_NUMBERS[spec.catchUp],
    catchUpWindow: writeDuration(spec.catchUpWindowMs),
    paused: row.isPaused,
    createTime: writeTime(row.createdAt),
    updateTime: writeTime(row.updatedAt),
    nextTimes: next.map((at) => timestampFromMs(at)),
    ...(row.lastTick === undefined ? {} : { lastTick: writeTick(row.lastTick) }),
    lastRunId: row.lastRunId ?? '',
    lastRunStatus: lastRunStatus === undefined ? RunStatus.UNSPECIFIED : RunStatus[lastRunStatus],
  };
}

function writeTick({ at, outcome, errorCode }: ScheduleTick): MessageInitShape<typeof ScheduleTickSchema> {
  return { time: writeTime(at), outcome: ScheduleOutcome[outcome], errorCode };
}

function readParameters(faults: Faults, { parameters }: Schedule): JsonObject {
  const json = readTemplate(faults, 'parameters', parameters) ?? {};
  if (isJsonObject(json)) return json;
  faults.add('parameters', 'are not an object');
  return {};
}

function readOwnLabels(faults: Faults, labels: Schedule['labels']): Record<string, string> {
  for (const name of RESERVED_LABELS)
    if (Object.hasOwn(labels, name)) faults.add(`labels.${name}`, 'is set by the control plane');
  return readLabels(faults, 'labels', labels);
}

function readWindow(faults: Faults, { catchUpWindow }: Schedule): number {
  const ms = readDuration(faults, 'catch_up_window', catchUpWindow) ?? DAY_MS;
  if (ms <= 0 || ms > limits.catchUpWindowMsMax)
    faults.add('catch_up_window', 'is not more than 0 and at most 365 days');
  return ms;
}

/** A word that this version does not know may mean the opposite of its default: it is a fault. */
function readWord<Word>(faults: Faults, pointer: string, word: Word | undefined, otherwise: Word): Word {
  if (word === undefined) faults.add(pointer, 'is none that this version knows');
  return word ?? otherwise;
}
