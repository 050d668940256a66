import { WaitReason } from '../../../gen/yardmaster/v1/step_state_pb.ts';
import type { WaitReason as WaitReasonName } from '../../runtime/control-plane.ts';

export const WAIT_REASONS: Readonly<Record<WaitReasonName, WaitReason>> = {
  NONE: WaitReason.UNSPECIFIED,
  NO_AGENT: WaitReason.NO_AGENT,
  NO_SLOT: WaitReason.NO_SLOT,
  BACKOFF: WaitReason.BACKOFF,
  AGENT_UNREACHABLE: WaitReason.AGENT_UNREACHABLE,
  STOPPING: WaitReason.STOPPING,
  BLOCK_CONCURRENCY: WaitReason.BLOCK_CONCURRENCY,
  PAUSED: WaitReason.PAUSED,
  RUN_QUEUED: WaitReason.RUN_QUEUED,
  CONCURRENCY_KEY: WaitReason.CONCURRENCY_KEY,
  SIGNAL: WaitReason.SIGNAL,
  CHILD: WaitReason.CHILD,
  TIMER: WaitReason.TIMER,
  DEPENDENCY: WaitReason.DEPENDENCY,
};
