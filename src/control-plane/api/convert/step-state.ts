/** A step within a run, with its attempts and the reason why it waits. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type Attempt,
  AttemptOutcome,
  AttemptSchema,
  type ChildRunSchema,
  type ItemCountsSchema,
  type SignalWaitSchema,
  SkipReason,
  StepKind,
  type StepState,
  StepStateSchema,
  StepStatus,
} from '../../../gen/yardmaster/v1/step_state_pb.ts';
import type { CompiledNode } from '../../../workflow/compiled.ts';
import { nextTryOf } from '../../engine/attempts.ts';
import type { Usage } from '../../engine/events.ts';
import { type AttemptRecord, type MapDetail, type Step, shownStatus } from '../../engine/state.ts';
import { isFallingBack, ownerOf, shareOfItems } from '../../engine/step-tree.ts';
import type { RunView } from '../../runtime/control-plane.ts';
import { writeFailure } from './failure.ts';
import { writeStruct } from './json.ts';
import { writeDuration, writeTime } from './times.ts';
import type { RunValues } from './values.ts';
import { WAIT_REASONS } from './wait-reason.ts';

export const STEP_KINDS: Readonly<Record<CompiledNode['kind'], StepKind>> = {
  agent: StepKind.AGENT,
  parallel: StepKind.PARALLEL,
  sequential: StepKind.SEQUENTIAL,
  condition: StepKind.CONDITION,
  set: StepKind.SET,
  wait: StepKind.WAIT,
  signal: StepKind.SIGNAL,
  loop: StepKind.LOOP,
  map: StepKind.MAP,
  workflow: StepKind.WORKFLOW,
};

interface Beside extends Pick<RunView, 'progress' | 'usage' | 'waits' | 'usualMs'> {
  readonly values: RunValues;
}

export function writeStep(step: Step, { progress, usage, waits, usualMs, values }: Beside): StepState {
  const { detail, node, path } = step;
  const status = shownStatus(step);
  const shown = progress.get(path);
  const usual = usualMs(node.id);
  return create(StepStateSchema, {
    path,
    stepId: node.id,
    kind: STEP_KINDS[node.kind],
    cleanup: node.isCleanup,
    status: StepStatus[status],
    waitReason: WAIT_REASONS[waits.get(path) ?? 'NONE'],
    input: values.inputs.get(path),
    output: values.outputs.get(path),
    error: writeFailure(detail?.failure),
    attempts: detail?.attempts.map((attempt) => writeAttempt(attempt, usage.get(`${path}#${attempt.number}`))) ?? [],
    readyTime: writeTime(step.readyAt),
    startTime: writeTime(node.kind === 'agent' ? detail?.attempts[0]?.startedAt : step.readyAt),
    endTime: writeTime(detail?.endedAt),
    progress: step.status === 'COMPLETED' ? 1 : (shown?.fraction ?? shareOfItems(step)),
    progressMessage: shown?.message ?? '',
    dueTime: status === 'WAITING' ? writeTime(detail?.waitUntil || detail?.retryAt) : undefined,
    ...writeNextTry(step),
    ...(step.status === 'WAITING' && { signal: writeSignalWait(step) }),
    skipReason: detail?.skip === undefined ? SkipReason.UNSPECIFIED : SkipReason[detail.skip.reason],
    skippedBecauseOf: detail?.skip?.because ?? '',
    takenOver: detail?.takenOver !== undefined,
    iterations: detail?.loop?.iterations ?? 0,
    ...(detail?.map !== undefined && { items: writeItemCounts(detail.map) }),
    child: writeChild(step),
    ...(usual !== undefined && { usualDuration: writeDuration(usual) }),
    ...writeAttachment(step),
    usedFallback: usesFallback(step),
  });
}

function writeItemCounts({ count, started, ended, failed }: MapDetail): MessageInitShape<typeof ItemCountsSchema> {
  return { total: count, started, ended, failed };
}

/** A step whose next try is not due waits for a time, and for no agent yet. */
/** What a step belongs to; both empty: to none. */
function writeAttachment(step: Step): { readonly fallbackOf: string; readonly compensates: string } {
  const owner = ownerOf(step)?.path ?? '';
  const isFallback = step.node.attached?.kind === 'fallback';
  return { fallbackOf: isFallback ? owner : '', compensates: isFallback ? '' : owner };
}

/** It failed by itself: a step that completed without help has no failure. */
export function usesFallback(step: Step): boolean {
  return isFallingBack(step) || (step.status === 'COMPLETED' && step.detail?.failure !== undefined);
}

/** Undefined: it waits for no signal. */
export function writeSignalWait({ node, detail }: Step): MessageInitShape<typeof SignalWaitSchema> | undefined {
  if (node.kind !== 'signal') return undefined;
  return {
    name: node.signal,
    title: detail?.title ?? '',
    answerers: [...node.answerers],
    form: writeStruct(node.form),
  };
}

function writeNextTry(step: Step): { readonly nextTry: number; readonly tries: number } | undefined {
  const next = nextTryOf(step);
  return next === undefined ? undefined : { nextTry: next.number, tries: next.of };
}

function writeChild({ node, detail }: Step): MessageInitShape<typeof ChildRunSchema> | undefined {
  if (node.kind !== 'workflow' || detail?.child === undefined) return undefined;
  return { runId: detail.child.runId, workflow: node.workflow, workflowVersion: detail.child.version };
}

function writeAttempt(attempt: AttemptRecord, usage: Usage = {}): Attempt {
  return create(AttemptSchema, {
    number: attempt.number,
    tryNumber: attempt.try,
    agentId: attempt.agentId,
    instanceId: attempt.instanceId,
    resumed: attempt.isResumed,
    outcome: attempt.outcome === undefined ? AttemptOutcome.UNSPECIFIED : AttemptOutcome[attempt.outcome],
    error: writeFailure(attempt.failure),
    startTime: writeTime(attempt.startedAt),
    endTime: writeTime(attempt.endedAt),
    usage: { ...(attempt.outcome === undefined ? usage : attempt.usage) },
  });
}
