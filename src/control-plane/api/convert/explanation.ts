/** Why a step does not run, instance by instance. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { YardmasterError } from '../../../core/errors.ts';
import { CandidateReason, type ExplainStepResponseSchema } from '../../../gen/yardmaster/v1/run_service_pb.ts';
import { StepStatus, WaitReason } from '../../../gen/yardmaster/v1/step_state_pb.ts';
import type { CompiledNode } from '../../../workflow/compiled.ts';
import { liveSteps } from '../../engine/frames.ts';
import type { RunView, StepExplanation } from '../../runtime/control-plane.ts';
import type { Candidate, CandidateReason as CandidateReasonName } from '../../scheduler/types.ts';
import { heldReason } from './step-state.ts';
import { writeTime } from './times.ts';

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
/** Reasons of instances that could take the step if they had room. */
const ABLE: ReadonlySet<CandidateReasonName> = new Set(['free', 'busy', 'concurrency', 'avoided', 'state', 'excluded']);
const STATUSES: Readonly<Record<string, StepStatus>> = StepStatus;

export function writeExplanation(
  explained: StepExplanation,
  node: CompiledNode | undefined,
): MessageInitShape<typeof ExplainStepResponseSchema> {
  const { explanation } = explained;
  const { isPaused, status } = explained;
  // A paused run is not in the queue; its steps wait all the same.
  const isQueued = explanation.step !== undefined || (isPaused && status === 'READY') || explained.isRunQueued;
  if (status === 'WAITING' && node !== undefined) return writeWait(explained, node);
  const candidates = explanation.candidates.slice(0, CANDIDATES_MAX);
  return {
    stepPath: explained.path,
    status: STATUSES[status] ?? StepStatus.UNSPECIFIED,
    waitReason: isQueued ? waitReasonOf(explained) : WaitReason.UNSPECIFIED,
    ...writeRequirement(explained, node),
    waitingSince: isQueued ? writeTime(explained.waitingSince) : undefined,
    candidates: candidates.map((candidate, i) => writeCandidate(candidate, i === 0)),
    summary: explained.summary,
    ahead: Math.max(0, explanation.ahead),
  };
}

/** A step that no agent has: there are no candidates. */
function writeWait(
  { path, summary, waitingSince, dueAt }: StepExplanation,
  node: CompiledNode,
): MessageInitShape<typeof ExplainStepResponseSchema> {
  return {
    stepPath: path,
    status: StepStatus.WAITING,
    waitReason: heldReason(node.kind) ?? WaitReason.TIMER,
    waitingSince: writeTime(waitingSince),
    summary,
    dueTime: writeTime(dueAt),
    ...(node.kind === 'signal' && { signal: { name: node.signal, answerers: [...node.answerers] } }),
  };
}

function waitReasonOf({ isPaused, isRunQueued, explanation }: StepExplanation): WaitReason {
  if (isRunQueued) return WaitReason.RUN_QUEUED;
  if (isPaused) return WaitReason.PAUSED;
  if (explanation.key !== undefined) return WaitReason.CONCURRENCY_KEY;
  return explanation.candidates.some(({ reason }) => ABLE.has(reason)) ? WaitReason.NO_SLOT : WaitReason.NO_AGENT;
}

function writeRequirement({ explanation }: StepExplanation, node: CompiledNode | undefined) {
  const asked = explanation.class;
  if (asked !== undefined) {
    const { capability, versionRange, agentId, labels } = asked;
    return { requirement: { action: capability, version: versionRange, agentId, labels: { ...labels } } };
  }
  if (node?.kind !== 'agent') return {};
  const { action, version = '', agentId = '', agentLabels } = node;
  return { requirement: { action, version, agentId, labels: { ...agentLabels } } };
}

function writeCandidate({ agentId, instanceId, reason, detail }: Candidate, isFirst: boolean) {
  return { agentId, instanceId, reason: REASONS[reason], text: detail, firstChoice: isFirst && reason === 'free' };
}

/** Path of the step that has waited longest: for an agent, or else for a time or a signal; of a QUEUED run the first. Throws NOTHING_WAITS. */
export function longestWaiting({ row, state }: RunView): string {
  const [first] = state.root.steps;
  if (state.status === 'QUEUED' && first !== undefined) return first.path;
  let longest: { readonly path: string; readonly since: number } | undefined;
  for (const { isQueued, path, queuedAt } of liveSteps(state)) {
    if (isQueued && (longest === undefined || queuedAt < longest.since)) longest = { path, since: queuedAt };
  }
  if (longest !== undefined) return longest.path;
  const [held] = liveSteps(state)
    .filter(({ status }) => status === 'WAITING')
    .sort((a, b) => a.readyAt - b.readyAt);
  if (held !== undefined) return held.path;
  throw new YardmasterError('NOTHING_WAITS', `Cannot explain run "${row.runId}": no step of it waits`, {
    next: 'name a step, or look at the run: yardmaster runs get',
  });
}
