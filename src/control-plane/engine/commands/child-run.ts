import { toYardmasterError } from '../../../core/errors.ts';
import type { JsonObject } from '../../../core/json.ts';
import type { StoredValue } from '../../../core/stored-value.ts';
import type { BeginChild, ChildEnd, SettleChild } from '../commands.ts';
import { type Draft, MissingValues } from '../decision.ts';
import type { Failure } from '../events.ts';
import { failStep } from '../failure.ts';
import { findStep } from '../frames.ts';
import { NULL_OUTPUT } from '../outputs.ts';
import { shapeOutput } from '../shape.ts';
import { type ChildStep, isChildStep, type RunState } from '../state.ts';
import { cancelStep, isStopping } from '../stop.ts';
import { dropWaiting } from '../tasks.ts';
import { wake } from '../wake.ts';

/** The step has a child run from here on, unless it has one or the run is paused: then it asks again when that is over. */
export function beginChild(draft: Draft, { path, runId, version, try: asked }: BeginChild): void {
  const step = findWaiting(draft.state, path);
  if (step === undefined || step.detail?.child !== undefined || draft.state.pausedAt > 0) return;
  if (asked !== draft.state.try) return;
  draft.emit({ type: 'ChildStarted', at: draft.now, path, runId, version });
  draft.effect({ type: 'startChild', runId });
}

/** The step ends as its child run did. A fact: a paused run takes it in, too. */
export function settleChild(draft: Draft, { path, runId, end, try: asked }: SettleChild): void {
  const step = findWaiting(draft.state, path);
  if (step === undefined || step.detail?.child?.runId !== runId) return;
  if (runId === undefined && asked !== draft.state.try) return;
  const timeout = step.detail?.childFailure;
  if (timeout !== undefined) return fail(draft, step, 'TIMED_OUT', timeout);
  if (end.kind === 'ended' && end.status === 'COMPLETED') return complete(draft, step, end.output);
  const isStopped = (step.detail?.stoppingUntil ?? 0) > 0 || isStopping(draft.state, step);
  if (isStopped) cancelStep(draft, step);
  else fail(draft, step, 'FAILED', failureOf(step, end));
}

function findWaiting(state: RunState, path: string): ChildStep | undefined {
  const step = findStep(state, path);
  return step !== undefined && isChildStep(step) && step.status === 'WAITING' ? step : undefined;
}

/** Throws MissingValues before anything was emitted. */
function complete(draft: Draft, step: ChildStep, given: StoredValue | undefined): void {
  const made = shape(draft, step, given);
  if ('failure' in made) return fail(draft, step, 'FAILED', made.failure);
  dropWaiting(draft, step);
  const output = made.output === undefined ? {} : { output: made.output };
  draft.emit({ type: 'StepCompleted', at: draft.now, path: step.path, ...output });
  wake(draft, step);
}

type Made = { readonly output: StoredValue | undefined } | { readonly failure: Failure };

function shape(draft: Draft, step: ChildStep, given: StoredValue | undefined): Made {
  const { path } = step;
  try {
    return { output: shapeOutput(draft, step, { result: () => draft.read(given ?? NULL_OUTPUT), own: () => given }) };
  } catch (error) {
    if (error instanceof MissingValues) throw error;
    const { code, message } = toYardmasterError(error, 'BAD_EXPRESSION');
    return { failure: { code, message, path } };
  }
}

function fail(draft: Draft, step: ChildStep, status: 'FAILED' | 'TIMED_OUT', failure: Failure): void {
  dropWaiting(draft, step);
  failStep(draft, step, status, failure);
}

/** Which run it was and what ended it stand in `details`, for programs. */
function failureOf({ path, node, detail }: ChildStep, end: ChildEnd): Failure {
  if (end.kind === 'refused') return { ...end.failure, path };
  const { status, failure } = end;
  const { runId = '', version = 0 } = detail?.child ?? {};
  const why = failure === undefined ? '' : `: ${failure.code} ${failure.message}`;
  const details: JsonObject = {
    runId,
    workflow: node.workflow,
    version,
    status,
    code: failure?.code ?? status,
    ...(failure?.path === undefined ? {} : { step: failure.path }),
  };
  const message = `child run "${runId}" of "${node.workflow}" ended ${status}${why}`;
  return { code: 'CHILD_FAILED', message, details, path };
}
