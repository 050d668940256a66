import { create } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { type Schedule, ScheduleSchema } from '../../gen/yardmaster/v1/schedule_pb.ts';
import type { ScheduleService } from '../../gen/yardmaster/v1/schedule_service_pb.ts';
import type { AuditFacts, Caller, ControlPlane, PutScheduleRequest } from '../runtime/control-plane.ts';
import { audited } from './audited.ts';
import { readCaller } from './caller.ts';
import { Faults } from './convert/faults.ts';
import { cutPage, readPage } from './convert/paging.ts';
import { readSchedule, writeSchedule } from './convert/schedule.ts';
import { cutText, readName, readRequestId } from './convert/text.ts';
import { NAMESPACE, readRequest } from './requests.ts';

export interface ScheduleServiceOptions {
  readonly controlPlane: Pick<ControlPlane, 'schedules' | 'noteRefusal'>;
}

export function createScheduleService({ controlPlane }: ScheduleServiceOptions): ServiceImpl<typeof ScheduleService> {
  const { schedules } = controlPlane;
  return {
    async putSchedule({ schedule }, context) {
      const caller = readCaller(context);
      const describe = () => factsOf('schedule.put', schedule?.name ?? '', caller);
      const { view, created } = await audited(controlPlane, describe, () => schedules.put(readPut(schedule, caller)));
      return { schedule: writeSchedule(view), created };
    },

    async getSchedule(request) {
      const name = readRequest('get a schedule', (faults) => readName(faults, 'name', request.name));
      return { schedule: writeSchedule(await schedules.get(NAMESPACE, name)) };
    },

    async listSchedules(request) {
      const { after, limit } = readRequest('list schedules', (faults) => readPage(faults, request));
      const found = schedules.list(NAMESPACE, after, limit + 1);
      const { items, nextPageToken } = cutPage(found, limit, ({ row }) => row.name);
      return { schedules: items.map(writeSchedule), nextPageToken };
    },

    async deleteSchedule(request, context) {
      const caller = readCaller(context);
      const describe = () => factsOf('schedule.delete', request.name, caller);
      await audited(controlPlane, describe, async () => {
        const name = readRequest('delete a schedule', (faults) => readName(faults, 'name', request.name));
        await schedules.delete(NAMESPACE, name, caller);
      });
      return {};
    },

    async pauseSchedule(request, context) {
      const caller = readCaller(context);
      const reason = cutText(request.reason);
      const describe = () => factsOf('schedule.pause', request.name, caller, reason === '' ? {} : { reason });
      const { view, isChanged } = await audited(controlPlane, describe, async () => {
        const name = readRequest('pause a schedule', (faults) => readName(faults, 'name', request.name));
        return schedules.setPaused({ namespace: NAMESPACE, name, isPaused: true, reason, caller });
      });
      return { accepted: isChanged, schedule: writeSchedule(view) };
    },

    async resumeSchedule(request, context) {
      const caller = readCaller(context);
      const describe = () => factsOf('schedule.resume', request.name, caller);
      const { view, isChanged } = await audited(controlPlane, describe, async () => {
        const name = readRequest('resume a schedule', (faults) => readName(faults, 'name', request.name));
        return schedules.setPaused({ namespace: NAMESPACE, name, isPaused: false, reason: '', caller });
      });
      return { accepted: isChanged, schedule: writeSchedule(view) };
    },

    async triggerSchedule(request, context) {
      const caller = readCaller(context);
      const describe = () => ({
        ...factsOf('schedule.trigger', request.name, caller),
        requestId: request.requestId,
      });
      const { runId, version, isRepeat } = await audited(controlPlane, describe, async () => {
        const asked = readRequest('trigger a schedule', (faults) => ({
          name: readName(faults, 'name', request.name),
          requestId: readRequestId(faults, 'request_id', request.requestId),
        }));
        return schedules.trigger({ namespace: NAMESPACE, ...asked, caller });
      });
      return { runId, workflowVersion: version, created: !isRepeat };
    },
  };
}

/** What is wrong with it here goes along, so that everything is told at once. */
function readPut(wire: Schedule | undefined, caller: Caller): PutScheduleRequest {
  const faults = new Faults('INVALID_ARGUMENT');
  const schedule = wire ?? create(ScheduleSchema);
  const name = readName(faults, 'name', schedule.name);
  const spec = readSchedule(faults, schedule);
  const { paused } = schedule;
  const { problems } = faults;
  return { namespace: NAMESPACE, name, spec, problems, caller, ...(paused === undefined ? {} : { isPaused: paused }) };
}

function factsOf(
  action: AuditFacts['action'],
  subject: string,
  caller: Caller,
  details: Readonly<Record<string, string>> = {},
): AuditFacts {
  return { namespace: NAMESPACE, caller, action, kind: 'SCHEDULE', subject, details };
}
