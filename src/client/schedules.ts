/** Runs started by the clock: what a client may do with schedules. */
import { YardmasterError } from '../core/errors.ts';
import type { Schedule } from '../gen/yardmaster/v1/schedule_pb.ts';
import { type ScheduleSpec, toSchedule, toWireSchedule } from './convert/schedule.ts';
import type { MeshApi } from './mesh-api.ts';
import { collectPages } from './pages.ts';
import type { RunHandle } from './run-handle.ts';
import type { ScheduleView } from './views.ts';

export class Schedules {
  readonly #api: MeshApi;
  readonly #open: (runId: string) => RunHandle;

  /** `open` makes the handles of triggered runs. */
  constructor(api: MeshApi, open: (runId: string) => RunHandle) {
    this.#api = api;
    this.#open = open;
  }

  /** Creates a schedule, or gives it a new content. Throws SCHEDULE_INVALID with every problem. */
  async put(name: string, spec: ScheduleSpec): Promise<ScheduleView> {
    const { schedule } = await this.#api.schedules.putSchedule({ schedule: toWireSchedule(name, spec) });
    return viewOf(name, schedule);
  }

  /** With its next three ticks and its last run. Throws SCHEDULE_NOT_FOUND, with the nearest name. */
  async get(name: string): Promise<ScheduleView> {
    const { schedule } = await this.#api.schedules.getSchedule({ name });
    return viewOf(name, schedule);
  }

  /** By name. */
  async list(): Promise<readonly ScheduleView[]> {
    const schedules = await collectPages(Number.POSITIVE_INFINITY, async (page) => {
      const { schedules, nextPageToken } = await this.#api.schedules.listSchedules(page);
      return { items: schedules, nextPageToken };
    });
    return schedules.map(toSchedule);
  }

  /** Its runs go on. */
  async delete(name: string): Promise<void> {
    await this.#api.schedules.deleteSchedule({ name });
  }

  /** False when it was paused already. */
  async pause(name: string, reason = ''): Promise<boolean> {
    return (await this.#api.schedules.pauseSchedule({ name, reason })).accepted;
  }

  /** Ticks from now on. False when it was not paused. */
  async resume(name: string): Promise<boolean> {
    return (await this.#api.schedules.resumeSchedule({ name })).accepted;
  }

  /** Starts a run now, whatever runs. The same `requestId` starts one. */
  async trigger(name: string, { requestId = '' }: { readonly requestId?: string } = {}): Promise<RunHandle> {
    const { runId } = await this.#api.schedules.triggerSchedule({ name, requestId });
    return this.#open(runId);
  }
}

function viewOf(name: string, schedule: Schedule | undefined): ScheduleView {
  if (schedule !== undefined) return toSchedule(schedule);
  throw new YardmasterError('SCHEDULE_NOT_FOUND', `Cannot show schedule "${name}": the answer is empty`);
}
