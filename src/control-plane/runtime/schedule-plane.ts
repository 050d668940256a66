/** Schedules as the API sees them. Everything answers when it is durable. */
import type { Problem } from '../../core/errors.ts';
import type { RunStatus } from '../engine/status.ts';
import type { Caller, ScheduleRow, ScheduleSpec } from '../store/port.ts';

/** That are shown. */
export const NEXT_TICKS = 3;

export interface SchedulePlane {
  /** Creates or replaces. Throws SCHEDULE_INVALID with every problem, LIMIT. */
  put(request: PutScheduleRequest): Promise<{ readonly view: ScheduleView; readonly created: boolean }>;
  /** Throws SCHEDULE_NOT_FOUND, with the nearest name. */
  get(namespace: string, name: string): Promise<ScheduleView>;
  /** By name, after `after`. */
  list(namespace: string, after: string, limit: number): readonly ScheduleView[];
  delete(namespace: string, name: string, caller?: Caller): Promise<void>;
  /** `isChanged` false: it was so before. */
  setPaused(request: PauseScheduleRequest): Promise<{ readonly view: ScheduleView; readonly isChanged: boolean }>;
  trigger(request: TriggerScheduleRequest): Promise<TriggeredRun>;
}

export interface PutScheduleRequest {
  readonly namespace: string;
  readonly name: string;
  readonly spec: ScheduleSpec;
  /** Absent: as it is; a new schedule is not. */
  readonly isPaused?: boolean;
  /** What was found wrong with the request already: told together with the rest. */
  readonly problems?: readonly Problem[];
  readonly caller?: Caller;
}

export interface PauseScheduleRequest {
  readonly namespace: string;
  readonly name: string;
  readonly isPaused: boolean;
  readonly reason: string;
  readonly caller?: Caller;
}

export interface TriggerScheduleRequest {
  readonly namespace: string;
  readonly name: string;
  /** '' : none. */
  readonly requestId: string;
  readonly caller?: Caller;
}

export interface TriggeredRun {
  readonly runId: string;
  readonly version: number;
  readonly isRepeat: boolean;
}

export interface ScheduleView {
  readonly row: ScheduleRow;
  /** The next ticks; none while paused. */
  readonly next: readonly number[];
  /** Of its last run; undefined: not asked for, or the run is no longer kept. */
  readonly lastRunStatus?: RunStatus;
}
