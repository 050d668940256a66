/** Runs, steps and attempts from the wire. */
import { Priority } from '../../gen/yardmaster/v1/priority_pb.ts';
import { type Run, type RunCall, RunStatus, type Stuck } from '../../gen/yardmaster/v1/run_pb.ts';
import type { Candidate, ExplainStepResponse } from '../../gen/yardmaster/v1/run_service_pb.ts';
import type { Attempt, ChildRun, ItemCounts, SignalWait, StepState } from '../../gen/yardmaster/v1/step_state_pb.ts';
import {
  readAttemptOutcome,
  readCandidateReason,
  readRunStatus,
  readSkipReason,
  readStepKind,
  readStepStatus,
  readStuckReason,
  readWaitReason,
} from '../statuses.ts';
import type {
  AttemptView,
  CandidateView,
  ChildRunView,
  ItemCountsView,
  RunCallView,
  RunView,
  SignalWaitView,
  StepExplanation,
  StepView,
  StuckView,
} from '../views.ts';
import { textOrNone, toDate, toFailure, toFailures, toMs, toPayload, toUsage } from './wire.ts';

export function toRun(run: Run): RunView {
  return {
    runId: run.runId,
    workflow: run.workflow,
    version: run.workflowVersion,
    status: readRunStatus(run.status),
    outcome: run.outcome === RunStatus.UNSPECIFIED ? undefined : readRunStatus(run.outcome),
    priority: priorityName(run.priority),
    parameters: toPayload(run.parameters),
    output: toPayload(run.output),
    error: toFailure(run.error),
    cleanupErrors: toFailures(run.cleanupErrors),
    steps: run.steps.map(toStep),
    createTime: toDate(run.createTime) ?? new Date(0),
    startTime: toDate(run.startTime),
    endTime: toDate(run.endTime),
    pauseTime: toDate(run.pauseTime),
    queuePosition: run.queuePosition === 0 ? undefined : run.queuePosition,
    tryNumber: run.tryNumber,
    retryOf: textOrNone(run.retryOf),
    rerunOf: textOrNone(run.rerunOf),
    parentRunId: textOrNone(run.parentRunId),
    parentStep: textOrNone(run.parentStep),
    calls: run.calls.map(toCall),
    hasOlderCalls: run.hasOlderCalls,
    unconsumedSignals: run.unconsumedSignals,
    requestId: run.requestId,
    labels: run.labels,
    completedSteps: run.completedSteps,
    totalSteps: run.totalSteps,
    progress: run.progress,
    estimatedCompletion: toDate(run.estimatedEndTime),
    stuck: toStuck(run.stuck),
    position: run.position,
  };
}

function toCall(call: RunCall): RunCallView {
  return {
    step: call.stepPath,
    tryNumber: call.tryNumber,
    key: call.callKey,
    runId: call.runId,
    capability: call.capability,
    agent: textOrNone(call.agentId),
    version: textOrNone(call.version),
    labels: call.labels,
    status: readRunStatus(call.status),
    failureCode: textOrNone(call.failureCode),
    createTime: toDate(call.createTime) ?? new Date(0),
    endTime: toDate(call.endTime),
  };
}

function toStep(step: StepState): StepView {
  return {
    path: step.path,
    stepId: step.stepId,
    kind: readStepKind(step.kind),
    status: readStepStatus(step.status),
    waitReason: readWaitReason(step.waitReason),
    input: toPayload(step.input),
    output: toPayload(step.output),
    error: toFailure(step.error),
    attempts: step.attempts.map(toAttempt),
    readyTime: toDate(step.readyTime),
    startTime: toDate(step.startTime),
    endTime: toDate(step.endTime),
    progress: step.progress,
    progressMessage: step.progressMessage,
    cleanup: step.cleanup,
    dueTime: toDate(step.dueTime),
    nextTry: step.nextTry === 0 ? undefined : { number: step.nextTry, of: step.tries },
    signal: toSignalWait(step.signal),
    skipReason: readSkipReason(step.skipReason),
    skippedBecauseOf: textOrNone(step.skippedBecauseOf),
    takenOver: step.takenOver,
    iterations: step.iterations,
    items: toItemCounts(step.items),
    child: toChildRun(step.child),
    usualMs: toMs(step.usualDuration),
    fallbackOf: textOrNone(step.fallbackOf),
    compensates: textOrNone(step.compensates),
    usedFallback: step.usedFallback,
  };
}

function toItemCounts(items: ItemCounts | undefined): ItemCountsView | undefined {
  return items && { total: items.total, started: items.started, ended: items.ended, failed: items.failed };
}

function toChildRun(child: ChildRun | undefined): ChildRunView | undefined {
  return child && { runId: child.runId, workflow: child.workflow, version: child.workflowVersion };
}

function toStuck(stuck: Stuck | undefined): StuckView | undefined {
  if (stuck === undefined) return undefined;
  const { reason, stepPath, attempt, since, message, next } = stuck;
  const what = {
    reason: readStuckReason(reason),
    step: textOrNone(stepPath),
    attempt: attempt === 0 ? undefined : attempt,
  };
  return { ...what, since: toDate(since), message, next };
}

function toSignalWait(signal: SignalWait | undefined): SignalWaitView | undefined {
  return signal && { name: signal.name, title: signal.title, answerers: signal.answerers, form: signal.form };
}

function toAttempt(attempt: Attempt): AttemptView {
  return {
    number: attempt.number,
    tryNumber: attempt.tryNumber,
    agent: attempt.agentId,
    instance: attempt.instanceId,
    outcome: readAttemptOutcome(attempt.outcome),
    error: toFailure(attempt.error),
    startTime: toDate(attempt.startTime),
    endTime: toDate(attempt.endTime),
    resumed: attempt.resumed,
    ...toUsage(attempt.usage),
  };
}

export function toExplanation(response: ExplainStepResponse): StepExplanation {
  return {
    path: response.stepPath,
    status: readStepStatus(response.status),
    waitReason: readWaitReason(response.waitReason),
    action: response.requirement?.action ?? '',
    version: response.requirement?.version ?? '',
    agentId: response.requirement?.agentId ?? '',
    labels: response.requirement?.labels ?? {},
    waitingSince: toDate(response.waitingSince),
    candidates: response.candidates.map(toCandidate),
    summary: response.summary,
    ahead: response.ahead,
    signal: toSignalWait(response.signal),
    dueTime: toDate(response.dueTime),
    next: response.next,
  };
}

export function toCandidate(candidate: Candidate): CandidateView {
  return {
    agentId: candidate.agentId,
    instanceId: candidate.instanceId,
    reason: readCandidateReason(candidate.reason),
    text: candidate.text,
    firstChoice: candidate.firstChoice,
  };
}

export type PriorityName = 'low' | 'normal' | 'high' | 'critical';

const PRIORITIES: Readonly<Record<PriorityName, Priority>> = {
  low: Priority.LOW,
  normal: Priority.NORMAL,
  high: Priority.HIGH,
  critical: Priority.CRITICAL,
};

export function priorityNumber(name: PriorityName | undefined): Priority {
  return name === undefined ? Priority.UNSPECIFIED : PRIORITIES[name];
}

/** Undefined: not stated. */
export function toPriority(value: Priority): string | undefined {
  return value === Priority.UNSPECIFIED ? undefined : priorityName(value);
}

function priorityName(value: Priority): string {
  const found = Object.entries(PRIORITIES).find(([, number]) => number === value);
  return found?.[0] ?? 'normal';
}
