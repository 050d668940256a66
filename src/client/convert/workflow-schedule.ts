/** The schedule of a definition, as the proto message, and what is shown of it. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { isJsonObject } from '../../core/json.ts';
import { ScheduleCatchUp, ScheduleOverlap } from '../../gen/yardmaster/v1/schedule_pb.ts';
import type { WorkflowSchedule, WorkflowScheduleSchema } from '../../gen/yardmaster/v1/workflow_pb.ts';
import type { ScheduleDefinition } from '../../workflow/definition.ts';
import type { WorkflowScheduleView } from '../views.ts';
import { priorityNumber } from './run.ts';
import { CATCH_UPS, OVERLAPS } from './schedule.ts';
import { toValue, toWireValue } from './wire.ts';

export function toWireWorkflowSchedule(schedule: ScheduleDefinition): MessageInitShape<typeof WorkflowScheduleSchema> {
  const { timezone = '', overlap, catchUp, catchUpWindowMs, paused = false } = schedule;
  const parameters = toWireValue(schedule.parameters);
  return {
    cron: schedule.cron,
    timezone,
    ...(parameters === undefined ? {} : { parameters }),
    labels: { ...schedule.labels },
    priority: priorityNumber(schedule.priority),
    overlap: overlap === undefined ? ScheduleOverlap.UNSPECIFIED : OVERLAPS[overlap],
    catchUp: catchUp === undefined ? ScheduleCatchUp.UNSPECIFIED : CATCH_UPS[catchUp],
    ...(catchUpWindowMs === undefined ? {} : { catchUpWindow: durationFromMs(catchUpWindowMs) }),
    paused,
  };
}

export function toWorkflowSchedule(schedule: WorkflowSchedule | undefined): WorkflowScheduleView | undefined {
  if (schedule === undefined) return undefined;
  const parameters = toValue(schedule.parameters);
  return {
    cron: schedule.cron,
    timezone: schedule.timezone === '' ? 'UTC' : schedule.timezone,
    parameters: isJsonObject(parameters) ? parameters : {},
    paused: schedule.paused,
  };
}
