/**
 * Steps that nobody works on: `wait` ends at its time, `signal` with the oldest signal of its name. Each has at most one timer
 * row (attempt 0), due at the end of the wait, of the timeout or of `totalTimeout`, whichever comes first.
 */
import { unitDuration } from '../../core/duration.ts';
import { toYardmasterError, YardmasterError } from '../../core/errors.ts';
import type { JsonValue } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import type { StoredValue } from '../../core/stored-value.ts';
import { decodeValue, encodeValue } from '../../core/value.ts';
import { latestTime, readLength, readTime } from '../../workflow/wait-times.ts';
import { type Draft, MissingValues } from './decision.ts';
import type { Failure } from './events.ts';
import { failStep } from './failure.ts';
import { evaluateJson, storeValue } from './outputs.ts';
import { totalTimeoutFailure } from './overtime.ts';
import { shapeOutput } from './shape.ts';
import { isSignalStep, type KeptSignal, type SignalStep, type WaitingStep } from './state.ts';
import { dropWaiting, timerDue, timerTask, totalDue } from './tasks.ts';
import { wake } from './wake.ts';

/** Characters of a title that are kept. */

/** Begins to wait. Throws MissingValues, and what its expressions throw. */
export function openWait(draft: Draft, step: WaitingStep): void {
  const dueAt = dueOf(draft, step);
  const title = isSignalStep(step) ? titleOf(draft, step) : '';
  draft.emit({
    type: 'StepWaiting',
    at: draft.now,
    path: step.path,
    ...(dueAt === 0 ? {} : { dueAt }),
    ...(title === '' ? {} : { title }),
  });
  if (timerDue(step) > 0) timerTask(draft, step, timerDue(step));
  draft.work.push(step);
}

/** When it ends by itself, wall ms; 0: never. */
function dueOf(draft: Draft, { node, path, frame }: WaitingStep): number {
  if (node.kind === 'signal') return node.timeoutMs === undefined ? 0 : draft.now + node.timeoutMs;
  const { kind, template } = node.end;
  const given = evaluateJson(draft, frame, template);
  const length = kind === 'for' ? readLength(given) : undefined;
  const at = length === undefined ? undefined : draft.now + length;
  const dueAt = kind === 'for' ? at : readTime(given);
  if (dueAt !== undefined && dueAt <= latestTime(draft.now)) return Math.max(dueAt, draft.now);
  const shown = JSON.stringify(given).slice(0, 80);
  const wanted = kind === 'for' ? 'a duration such as 5m' : 'a time with its offset such as 2026-12-01T09:00:00Z';
  throw new YardmasterError('INVALID_TIME', `Cannot let "${path}" wait: its "${kind}" gave ${shown}, not ${wanted}`);
}

function titleOf(draft: Draft, { node, frame }: SignalStep): string {
  if (node.title === undefined) return '';
  const title = evaluateJson(draft, frame, node.title);
  const text = typeof title === 'string' ? title : JSON.stringify(title);
  return text.slice(0, limits.titleCharsMax).toWellFormed();
}

/** The row came due: what is really over by now ends; what is not gets its row again. */
export function waitTimer(draft: Draft, step: WaitingStep): void {
  const dueAt = timerDue(step);
  if (dueAt > draft.now) timerTask(draft, step, dueAt);
  else draft.work.push(step);
}

/** Ends the step if there is a reason; a signal that is there goes before a time that is over. */
export function settleWait(draft: Draft, step: WaitingStep): void {
  const signal = isSignalStep(step) ? findSignal(draft, step) : undefined;
  if (signal !== undefined) return takeSignal(draft, step, signal);
  if (isDue(totalDue(step), draft.now)) return timeOut(draft, step, totalTimeoutFailure(step));
  if (!isDue(step.detail?.waitUntil ?? 0, draft.now)) return;
  if (isSignalStep(step)) endUnsignalled(draft, step);
  else complete(draft, step, () => outputOf(draft, step, null));
}

function findSignal(draft: Draft, { node }: SignalStep): KeptSignal | undefined {
  return draft.state.signals.find((signal) => signal.name === node.signal);
}

function takeSignal(draft: Draft, step: WaitingStep, { number, payload, actor }: KeptSignal): void {
  const make = (): StoredValue | undefined => {
    const said = { payload: decodeValue(draft.bytesOf(payload)), actor: actor ?? null, timedOut: false };
    return outputOf(draft, step, said);
  };
  complete(draft, step, make, number);
}

function endUnsignalled(draft: Draft, step: SignalStep): void {
  const { node, path } = step;
  const { default: fallback } = node;
  if (fallback !== undefined) {
    const make = (): StoredValue | undefined =>
      outputOf(draft, step, { payload: evaluateJson(draft, step.frame, fallback), actor: null, timedOut: true });
    return complete(draft, step, make);
  }
  const message = `"${path}" waited ${unitDuration(node.timeoutMs ?? 0)} for signal "${node.signal}"`;
  timeOut(draft, step, { code: 'SIGNAL_TIMEOUT', message, path });
}

/** A `wait` without an `output` of its own stores nothing: it gives null. */
function outputOf(draft: Draft, step: WaitingStep, result: JsonValue): StoredValue | undefined {
  const own = (): StoredValue | undefined =>
    step.node.kind === 'wait' ? undefined : storeValue(draft, encodeValue(result), `out/${step.path}`);
  return shapeOutput(draft, step, { result: () => result, own });
}

/** `taken`: number of the signal that it ends with. The signal is used up, also when no output can be made of it. */
function complete(draft: Draft, step: WaitingStep, make: () => StoredValue | undefined, taken?: number): void {
  const made = attempt(draft, step, make);
  if (made === undefined) return;
  const { path } = step;
  if (taken !== undefined) draft.emit({ type: 'SignalTaken', at: draft.now, path, number: taken });
  dropWaiting(draft, step);
  if (made.failure !== undefined) return failStep(draft, step, 'FAILED', made.failure);
  const output = made.output === undefined ? {} : { output: made.output };
  draft.emit({ type: 'StepCompleted', at: draft.now, path, ...output });
  wake(draft, step);
}

interface Made {
  readonly output?: StoredValue | undefined;
  readonly failure?: Failure;
}

/** Undefined: values are missing, and the step is looked at again when they are there. */
function attempt(draft: Draft, { path }: WaitingStep, make: () => StoredValue | undefined): Made | undefined {
  try {
    return { output: make() };
  } catch (error) {
    if (error instanceof MissingValues) {
      draft.postpone(path, error);
      return undefined;
    }
    const { code, message } = toYardmasterError(error, 'BAD_EXPRESSION');
    return { failure: { code, message, path } };
  }
}

function timeOut(draft: Draft, step: WaitingStep, failure: Failure): void {
  dropWaiting(draft, step);
  failStep(draft, step, 'TIMED_OUT', failure);
}

function isDue(at: number, now: number): boolean {
  return at > 0 && at <= now;
}
