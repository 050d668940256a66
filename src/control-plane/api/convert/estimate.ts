/** When a run that is watched will probably end, told again whenever that changes. */
import { create } from '@bufbuild/protobuf';
import { type RunEvent, RunEventSchema } from '../../../gen/yardmaster/v1/run_event_pb.ts';
import { liveSteps } from '../../engine/frames.ts';
import type { ControlPlane, RunView } from '../../runtime/control-plane.ts';
import { writeTime } from './times.ts';

/** Nobody sees less. */
const CHANGE_MS_MIN = 500;
/** An estimate looks at every step: of a run of 10,000 one a second is enough. */
const STEPS_PER_MS = 10;

export class EstimateWriter {
  private readonly runId: string;
  private readonly plane: Pick<ControlPlane, 'estimateEnd'>;
  private readonly everyMs: number;
  private told: number | undefined;
  private lookedAt = 0;

  constructor(view: RunView, plane: Pick<ControlPlane, 'estimateEnd'>) {
    this.runId = view.row.runId;
    this.plane = plane;
    this.everyMs = Math.floor(liveSteps(view.state).length / STEPS_PER_MS);
    this.told = view.estimatedEndAt;
  }

  /** An event, or none; `now` in wall ms. */
  write(now: number): readonly RunEvent[] {
    if (Math.abs(now - this.lookedAt) < this.everyMs) return [];
    this.lookedAt = now;
    const endAt = this.plane.estimateEnd(this.runId);
    if (endAt === this.told) return [];
    if (endAt !== undefined && this.told !== undefined && Math.abs(endAt - this.told) < CHANGE_MS_MIN) return [];
    this.told = endAt;
    const event = { case: 'runEstimated', value: { endTime: writeTime(endAt) } } as const;
    return [create(RunEventSchema, { runId: this.runId, time: writeTime(now), event })];
  }
}
