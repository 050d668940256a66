/** Runs: what is known of one, and rows of lists. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { RunErrorSchema } from '../../../gen/yardmaster/v1/run_error_pb.ts';
import { type Run, RunSchema, RunStatus, StuckReason, type StuckSchema } from '../../../gen/yardmaster/v1/run_pb.ts';
import { shownSteps } from '../../engine/frames.ts';
import type { RunState, Step } from '../../engine/state.ts';
import { isStepOver } from '../../engine/status.ts';
import { isCalledFor, shareOfItems } from '../../engine/step-tree.ts';
import type { Incident, ListedCalls, ListedRun, RunView } from '../../runtime/control-plane.ts';
import type { RunRow } from '../../store/port.ts';
import { writeFailure, writeFailures } from './failure.ts';
import { writePriority } from './priority.ts';
import { writeCall } from './run-call.ts';
import { writeStep } from './step-state.ts';
import { writeDuration, writeTime } from './times.ts';
import type { RunValues } from './values.ts';

export interface WriteRunOptions {
  /** Wall ms, for the duration of an open run. */
  readonly now: number;
  readonly omitSteps?: boolean;
  readonly made?: ListedCalls;
}

const NO_CALLS: ListedCalls = { calls: [], isMore: false };

/** `values`: loaded before, when they were asked for. */
export function writeRun(
  view: RunView,
  values: RunValues,
  { now, omitSteps = false, made = NO_CALLS }: WriteRunOptions,
): Run {
  const { row, state, progress, usage, waits, usualMs } = view;
  const beside = { progress, usage, waits, usualMs, values };
  const { completed, total, share } = countSteps(state);
  return create(RunSchema, {
    ...rowFields(row),
    status: RunStatus[state.status],
    ...(values.parameters !== undefined && { parameters: values.parameters }),
    ...(values.output !== undefined && { output: values.output }),
    error: writeFailure(state.failure ?? state.ending?.failure),
    steps: omitSteps ? [] : stepsToTell(state).map((step) => writeStep(step, beside)),
    calls: made.calls.map(writeCall),
    hasOlderCalls: made.isMore,
    startTime: writeTime(state.startedAt),
    endTime: writeTime(state.endedAt),
    pauseTime: writeTime(state.pausedAt),
    queuePosition: view.queue?.position ?? 0,
    tryNumber: state.try,
    unconsumedSignals: state.signals.length,
    estimatedEndTime: writeTime(view.estimatedEndAt),
    stuck: writeStuck(view.stuck),
    progress: total === 0 ? 0 : (completed + share) / total,
    completedSteps: completed,
    totalSteps: total,
    position: state.position,
    outcome: outcomeOf(state),
    cleanupErrors: writeFailures(state.cleanupFailures),
    ...(state.startedAt > 0 && { duration: writeDuration(Math.max(0, (state.endedAt || now) - state.startedAt)) }),
  });
}

function writeStuck(incident: Incident | undefined): MessageInitShape<typeof StuckSchema> | undefined {
  if (incident === undefined) return undefined;
  const { reason, path, number, since, message, next } = incident;
  const what = { reason: StuckReason[reason], stepPath: path, attempt: number };
  return { ...what, since: writeTime(since), message, next };
}

/** A fallback or a compensation that nobody called for says nothing. */
function stepsToTell(state: RunState): readonly Step[] {
  return shownSteps(state).filter(isCalledFor);
}

/** A run of a list: without steps and values. */
export function writeRunRow(row: ListedRun, stuck: Incident | undefined): Run {
  return create(RunSchema, {
    ...rowFields(row),
    queuePosition: row.queue?.position ?? 0,
    endTime: writeTime(row.endedAt),
    stuck: writeStuck(stuck),
    ...(row.failureCode !== undefined && { error: create(RunErrorSchema, { code: row.failureCode }) }),
  });
}

function rowFields(row: RunRow) {
  return {
    runId: row.runId,
    namespace: row.namespace,
    workflow: row.workflow,
    workflowVersion: row.version,
    status: RunStatus[row.status],
    priority: writePriority(row.priority),
    createTime: writeTime(row.queuedAt),
    requestId: row.requestId ?? '',
    labels: { ...row.labels },
    retryOf: row.retryOf ?? '',
    rerunOf: row.rerunOf ?? '',
    parentRunId: row.parentRunId ?? '',
    parentStep: row.parentStep ?? '',
  };
}

function outcomeOf(state: RunState): RunStatus {
  if (state.ending !== undefined) return RunStatus[state.ending.outcome];
  return state.endedAt > 0 ? RunStatus[state.status] : RunStatus.UNSPECIFIED;
}

const COUNTED: ReadonlySet<string> = new Set(['agent', 'loop', 'map', 'workflow']);

/**
 * Agent steps that are over, and all of them. A loop counts as one, since nobody knows how often its body will run, and so do a map and a child
 * run; a fallback is part of its step, and compensations are not foreseen. `share` is what is done of maps that run.
 */
export function countSteps(state: RunState): { completed: number; total: number; share: number } {
  let completed = 0;
  let total = 0;
  let share = 0;
  for (const step of state.root.steps) {
    const { kind, attached } = step.node;
    if (!COUNTED.has(kind) || attached !== undefined) continue;
    total += 1;
    if (isStepOver(step.status)) completed += 1;
    else share += shareOfItems(step);
  }
  return { completed, total, share };
}
