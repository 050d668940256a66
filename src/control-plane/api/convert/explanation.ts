/** Why a step does not run, instance by instance. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { YardmasterError } from '../../../core/errors.ts';
import { CandidateReason, type ExplainStepResponseSchema } from '../../../gen/yardmaster/v1/run_service_pb.ts';
import { StepStatus } from '../../../gen/yardmaster/v1/step_state_pb.ts';
import type { CompiledNode } from '../../../workflow/compiled.ts';
import { liveSteps } from '../../engine/frames.ts';
import type { Step } from '../../engine/state.ts';
import type { RunView, StepExplanation } from '../../runtime/control-plane.ts';
import type {
  Candidate,
  CandidateReason as CandidateReasonName,
  Explanation,
  StepClass,
} from '../../scheduler/types.ts';
import { writeSignalWait } from './step-state.ts';
import { writeTime } from './times.ts';
import { WAIT_REASONS } from './wait-reason.ts';

const CANDIDATES_MAX = 500;

const REASONS: Readonly<Record<CandidateReasonName, CandidateReason>> = {
  free: CandidateReason.FREE,
  busy: CandidateReason.BUSY,
  capability: CandidateReason.CAPABILITY,
  concurrency: CandidateReason.CONCURRENCY,
  version: CandidateReason.VERSION,
  agent: CandidateReason.AGENT,
  label: CandidateReason.LABEL,
  state: CandidateReason.STATE,
  excluded: CandidateReason.EXCLUDED,
  avoided: CandidateReason.AVOIDED,
};
const STATUSES: Readonly<Record<string, StepStatus>> = StepStatus;

export function writeExplanation(
  { path, status, wait, explanation }: StepExplanation,
  step: Step | undefined,
): MessageInitShape<typeof ExplainStepResponseSchema> {
  const { reason, summary, next, since, dueAt } = wait;
  // There are candidates for what the scheduler has; a step that is over asks nothing of anybody.
  const candidates = explanation.candidates.slice(0, CANDIDATES_MAX);
  return {
    stepPath: path,
    status: STATUSES[status] ?? StepStatus.UNSPECIFIED,
    waitReason: WAIT_REASONS[reason],
    ...requirementOf(explanation, step?.node),
    waitingSince: writeTime(since),
    candidates: candidates.map((candidate, i) => writeCandidate(candidate, i === 0)),
    summary,
    ahead: Math.max(0, explanation.ahead),
    dueTime: writeTime(dueAt),
    next,
    ...(reason === 'SIGNAL' && step !== undefined && { signal: writeSignalWait(step) }),
  };
}

/** Of a step that is queued what it is queued for, else what its definition asks. */
function requirementOf({ class: asked }: Explanation, node: CompiledNode | undefined) {
  if (asked !== undefined) return writeRequirement(asked);
  if (node?.kind !== 'agent') return {};
  const { action, version = '', agentId = '', agentLabels } = node;
  return writeRequirement({ capability: action, versionRange: version, agentId, labels: agentLabels });
}

export function writeRequirement({ capability, versionRange, agentId, labels }: Omit<StepClass, 'namespace'>) {
  return { requirement: { action: capability, version: versionRange, agentId, labels: { ...labels } } };
}

export function writeCandidate({ agentId, instanceId, reason, detail }: Candidate, isFirst: boolean) {
  return { agentId, instanceId, reason: REASONS[reason], text: detail, firstChoice: isFirst && reason === 'free' };
}

/**
 * Path of the step that has waited longest: for an agent, or else for anything else that the run does not bring about itself; of a
 * QUEUED run the first. Throws NOTHING_WAITS.
 */
export function longestWaiting({ row, state, waits }: RunView): string {
  const [first] = state.root.steps;
  if (state.status === 'QUEUED' && first !== undefined) return first.path;
  const waiting = liveSteps(state).filter(({ isQueued, path }) => isQueued || waits.has(path));
  const [longest] = waiting.sort((a, b) => Number(b.isQueued) - Number(a.isQueued) || sinceOf(a) - sinceOf(b));
  if (longest !== undefined) return longest.path;
  throw new YardmasterError('NOTHING_WAITS', `Cannot explain run "${row.runId}": no step of it waits`, {
    next: 'name a step, or look at the run: yardmaster runs get',
  });
}

/** One that was never ready is held back by its block, and has waited least. */
function sinceOf({ isQueued, queuedAt, readyAt }: Step): number {
  return (isQueued ? queuedAt : readyAt) || Number.MAX_SAFE_INTEGER;
}
