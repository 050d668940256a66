/** The schedule of a definition: proto to the normal form and back. What it means is checked by `src/workflow`. */
import { create } from '@bufbuild/protobuf';
import { isJsonObject, type JsonObject } from '../../../core/json.ts';
import { ScheduleCatchUp, ScheduleOverlap } from '../../../gen/yardmaster/v1/schedule_pb.ts';
import { type WorkflowSchedule, WorkflowScheduleSchema } from '../../../gen/yardmaster/v1/workflow_pb.ts';
import type { ScheduleDefinition } from '../../../workflow/definition.ts';
import type { Faults } from './faults.ts';
import { readTemplate, writeTemplate } from './json.ts';
import { readPriority, writePriority } from './priority.ts';
import { CATCH_UP_NUMBERS, OVERLAP_NUMBERS } from './schedule.ts';
import { nameOf } from './step-definition.ts';
import { readLabels } from './text.ts';
import { readDuration, writeDuration } from './times.ts';

export function readWorkflowSchedule(faults: Faults, wire: WorkflowSchedule): ScheduleDefinition {
  const priority = readPriority(wire.priority);
  const parameters = readParameters(faults, wire);
  const overlap = nameOf(OVERLAP_NUMBERS, wire.overlap);
  const catchUp = nameOf(CATCH_UP_NUMBERS, wire.catchUp);
  const catchUpWindowMs = readDuration(faults, 'schedule.catch_up_window', wire.catchUpWindow);
  // A word that this version does not know may mean the opposite of the default.
  if (overlap === undefined && wire.overlap !== ScheduleOverlap.UNSPECIFIED)
    faults.add('schedule.overlap', 'is none that this version knows');
  if (catchUp === undefined && wire.catchUp !== ScheduleCatchUp.UNSPECIFIED)
    faults.add('schedule.catch_up', 'is none that this version knows');
  return {
    cron: wire.cron,
    ...(wire.timezone !== '' && { timezone: wire.timezone }),
    ...(parameters !== undefined && { parameters }),
    ...(Object.keys(wire.labels).length > 0 && { labels: readLabels(faults, 'schedule.labels', wire.labels) }),
    ...(priority !== undefined && { priority }),
    ...(overlap !== undefined && { overlap }),
    ...(catchUp !== undefined && { catchUp }),
    ...(catchUpWindowMs !== undefined && { catchUpWindowMs }),
    ...(wire.paused && { paused: true }),
  };
}

export function writeWorkflowSchedule(schedule: ScheduleDefinition): WorkflowSchedule {
  const { timezone = '', overlap, catchUp, catchUpWindowMs, paused = false } = schedule;
  return create(WorkflowScheduleSchema, {
    cron: schedule.cron,
    timezone,
    parameters: writeTemplate(schedule.parameters),
    labels: { ...schedule.labels },
    priority: writePriority(schedule.priority),
    overlap: overlap === undefined ? ScheduleOverlap.UNSPECIFIED : OVERLAP_NUMBERS[overlap],
    catchUp: catchUp === undefined ? ScheduleCatchUp.UNSPECIFIED : CATCH_UP_NUMBERS[catchUp],
    ...(catchUpWindowMs !== undefined && { catchUpWindow: writeDuration(catchUpWindowMs) }),
    paused,
  });
}

function readParameters(faults: Faults, { parameters }: WorkflowSchedule): JsonObject | undefined {
  const json = readTemplate(faults, 'schedule.parameters', parameters);
  if (json === undefined || isJsonObject(json)) return json;
  faults.add('schedule.parameters', 'are not an object');
  return undefined;
}
