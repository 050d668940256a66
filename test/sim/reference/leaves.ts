/** Steps without steps in them: how they end by what happened to them. */
import { isDeepStrictEqual } from 'node:util';
import { parseDuration } from '../../../src/core/duration.ts';
import type { JsonValue } from '../../../src/core/json.ts';
import type {
  AgentStepDefinition,
  SetStepDefinition,
  SignalStepDefinition,
  WaitStepDefinition,
} from '../../../src/workflow/definition.ts';
import { keyFailure } from './admission.ts';
import { plain, show } from './compare.ts';
import { type Context, cancelled } from './context.ts';
import type { AttemptFacts, End, Moment, StepFacts } from './facts.ts';
import { stopOf } from './order.ts';
import type { Place } from './outline.ts';

const ATTEMPT_MS = 3_600_000;
const ASSERTION = 'ASSERTION_FAILED';
const LOST_MAX = 3;
const LOST_ON_THE_WAY: ReadonlySet<string> = new Set(['TIMEOUT', 'UNAVAILABLE', 'HANDLER_ERROR']);

/** What it gives, by its `output` and `assert`; the failure of those is its own. */
export function completed(run: Context, place: Place, result: JsonValue, now: number): End {
  const { output, assert } = place.node.step;
  const made =
    output === undefined
      ? ({ ok: true, value: result } as const)
      : run.read('cel', output, place, 'output', now, { result });
  if (!made.ok) return { status: 'FAILED', code: made.code };
  const holds =
    assert === undefined ? undefined : run.read('cel', assert, place, 'assert', now, { result, output: made.value });
  if (holds?.ok === false) return { status: 'FAILED', code: holds.code };
  return holds?.value === false ? { status: 'FAILED', code: ASSERTION } : { status: 'COMPLETED', output: made.value };
}

/** What time and stops may make of a step that did not end by itself. */
export function interrupted(run: Context, place: Place, { started }: StepFacts, end: Moment): readonly End[] {
  const ends: End[] = [];
  const total = place.node.step.totalTimeoutMs ?? 0;
  if (total > 0 && started !== undefined && run.hasCome(end.at, started.at + total)) ends.push({ status: 'TIMED_OUT' });
  if (stopOf(run, place, end) !== 'no') ends.push(cancelled);
  return ends;
}

export function setEnds(run: Context, place: Place, step: SetStepDefinition, now: number): readonly End[] {
  const made = run.read('template', step.set, place, 'set', now);
  return [made.ok ? completed(run, place, made.value, now) : { status: 'FAILED', code: made.code }];
}

/** It never ends before its time. */
export function waitEnds(run: Context, place: Place, step: WaitStepDefinition, facts: StepFacts): readonly End[] {
  const { started, end } = facts;
  const now = started?.at ?? end?.at ?? 0;
  const isTime = /^\d{4}-\d\d-\d\d/.test(step.until ?? '');
  const read =
    step.until === undefined
      ? run.read('template', step.for ?? step.forMs ?? 0, place, 'input', now)
      : run.read(isTime ? 'template' : 'cel', step.until, place, 'input', now);
  if (!read.ok) return [{ status: 'FAILED', code: read.code }];
  const dueAt = step.until === undefined ? lengthOf(read.value, now) : Date.parse(String(read.value));
  if (!Number.isFinite(dueAt)) return [{ status: 'FAILED', code: 'INVALID_TIME' }];
  if (end === undefined || started === undefined) return [];
  const ends = interrupted(run, place, facts, end);
  return run.hasCome(end.at, dueAt) ? [completed(run, place, null, end.at), ...ends] : ends;
}

function lengthOf(value: JsonValue, now: number): number {
  const length = typeof value === 'number' || typeof value === 'string' ? parseDuration(value) : undefined;
  return length === undefined ? Number.NaN : now + length;
}

/** `number`: of the signal that it must have got, undefined for none. */
export function signalEnds(
  run: Context,
  place: Place,
  step: SignalStepDefinition,
  facts: StepFacts,
  number: number | undefined,
): readonly End[] {
  const { started, end } = facts;
  const now = started?.at ?? end?.at ?? 0;
  const title = step.title === undefined ? undefined : run.read('template', step.title, place, 'input', now);
  if (title?.ok === false) return [{ status: 'FAILED', code: title.code }];
  if (end === undefined || started === undefined) return [];
  const got = run.facts.signals.find((signal) => signal.number === number);
  if (got !== undefined) {
    const result = { payload: got.payload, actor: got.actor ?? null, timedOut: false };
    return [completed(run, place, result, end.at)];
  }
  const ends = [...interrupted(run, place, facts, end)];
  const timeout = step.timeoutMs ?? 0;
  if (timeout === 0 || !run.hasCome(end.at, started.at + timeout)) return ends;
  if (step.default === undefined) return [...ends, { status: 'TIMED_OUT', code: 'SIGNAL_TIMEOUT' }];
  const payload = run.read('template', step.default, place, 'input', end.at);
  if (!payload.ok) return [...ends, { status: 'FAILED', code: payload.code }];
  return [...ends, completed(run, place, { payload: payload.value, actor: null, timedOut: true }, end.at)];
}

export function agentEnds(run: Context, place: Place, step: AgentStepDefinition, facts: StepFacts): readonly End[] {
  const { started, end, input: seen } = facts;
  const input = run.read('template', step.parameters ?? {}, place, 'input', started?.at ?? end?.at ?? 0);
  if (!input.ok) return [{ status: 'FAILED', code: input.code }];
  const unkeyed = keyFailure(run, place, step, facts);
  if (unkeyed !== undefined) return [unkeyed];
  if (started === undefined || end === undefined) return [];
  if (seen !== undefined && !isDeepStrictEqual(plain(seen), plain(input.value)))
    run.fault(place, `its input is ${show(seen)} instead of ${show(input.value)}`);
  const tried = tries(run, place, step, facts.attempts);
  if (tried.isOver && tried.last?.status === 'COMPLETED') return [tried.last];
  const ends = [...interrupted(run, place, facts, end)];
  // Once it is stopped it is open whether it ends as its last try did.
  if (tried.isOver && tried.last !== undefined) return [tried.last, ...ends];
  if (tried.last !== undefined && (tried.isOpen || ends.includes(cancelled))) ends.push(tried.last);
  // What an agent may get with secrets in it has a limit of its own.
  if (JSON.stringify(input.value).includes('secret:')) ends.push({ status: 'FAILED', code: 'LIMIT' });
  const waitedSince = facts.attempts.at(-1)?.started.at ?? started.at;
  if (step.queueTimeoutMs !== undefined && run.hasCome(end.at, waitedSince + step.queueTimeoutMs))
    ends.push({ status: 'FAILED', code: 'NO_AGENT' });
  const lost = facts.attempts.filter(({ outcome }) => outcome === 'LOST').map(({ instanceId }) => instanceId);
  if (new Set(lost).size >= LOST_MAX) ends.push({ status: 'FAILED', code: 'POISONED' });
  return ends;
}

interface Tried {
  readonly last: End | undefined;
  /** The attempts alone decide. */
  readonly isOver: boolean;
  /** Nobody knows whether the last failure may be tried again. */
  readonly isOpen: boolean;
}

function tries(run: Context, place: Place, step: AgentStepDefinition, attempts: readonly AttemptFacts[]): Tried {
  const endOf = ({ ended }: AttemptFacts): Moment => ended ?? { position: Number.POSITIVE_INFINITY, at: 0 };
  let failures = 0;
  let last: Judged | undefined;
  let isOpen = false;
  for (const attempt of attempts.toSorted((left, right) => endOf(left).position - endOf(right).position)) {
    const judged = judge(run, place, step, attempt);
    if (judged === undefined) continue;
    const { position, at } = endOf(attempt);
    if (judged.end.status === 'COMPLETED') return { last: judged.end, isOver: true, isOpen: false };
    const hasOther = attempts.some((other) => other.started.position < position && endOf(other).position > position);
    // Of an idempotent step two may be live; a failure counts only when no other one is (protocol).
    if (hasOther) continue;
    last = judged;
    failures += 1;
    isOpen = judged.isFinal === undefined;
    const next = attempts.filter(({ started }) => started.position > position);
    if (judged.isFinal === true || failures >= (step.retry?.tries ?? 1)) {
      for (const { number } of next) run.fault(place, `attempt ${number} starts after the last try`);
      return { last: judged.end, isOver: true, isOpen: false };
    }
    const [again] = next;
    if (again !== undefined && !run.hasCome(again.started.at, at + backoff(step, failures, attempt)))
      run.fault(place, `attempt ${again.number} starts before its backoff is over`);
  }
  return { last: last?.end, isOver: false, isOpen };
}

interface Judged {
  readonly end: End;
  /** It is not tried again; undefined: who failed it does not say. */
  readonly isFinal: boolean | undefined;
}

/** What an attempt means for its step; undefined: it is no try. */
function judge(run: Context, place: Place, step: AgentStepDefinition, attempt: AttemptFacts): Judged | undefined {
  const { outcome, answer, ended } = attempt;
  const now = ended?.at ?? 0;
  if (outcome === 'TIMED_OUT') {
    const { totalTimeoutMs = 0 } = step;
    const isOver = totalTimeoutMs > 0 && run.hasCome(now, (run.of(place)?.started?.at ?? 0) + totalTimeoutMs);
    if (isOver) return { end: { status: 'TIMED_OUT' }, isFinal: undefined };
    const times = [step.timeoutMs ?? ATTEMPT_MS, step.heartbeatTimeoutMs ?? 0].filter((ms) => ms > 0);
    if (!run.hasCome(now, attempt.started.at + Math.min(...times)))
      run.fault(place, `attempt ${attempt.number} times out early`);
    return { end: { status: 'TIMED_OUT' }, isFinal: false };
  }
  if (outcome !== 'COMPLETED' && outcome !== 'FAILED') return undefined;
  if (answer?.kind === 'completed') {
    const judged = accept(run, place, step, answer.output, now);
    // What it gave did not arrive: the SDK says so with a code of its own.
    const isLost = outcome === 'FAILED' && judged.end.status === 'COMPLETED' && LOST_ON_THE_WAY.has(attempt.code ?? '');
    return isLost ? { end: { status: 'FAILED' }, isFinal: undefined } : judged;
  }
  if (outcome === 'COMPLETED') run.fault(place, `attempt ${attempt.number} completed, but its handler did not`);
  // Not the handler but the SDK or the control plane failed it: the code is theirs.
  if (answer?.kind !== 'failed') return { end: { status: 'FAILED' }, isFinal: undefined };
  const { code, retryable } = answer;
  const isFinal = !retryable || step.retry?.nonRetryable?.includes(code) === true;
  return { end: { status: 'FAILED', code }, isFinal };
}

/** A result, by `output` and `assert`. An expression that fails is not tried again. */
function accept(run: Context, place: Place, step: AgentStepDefinition, result: JsonValue, now: number): Judged {
  const end = completed(run, place, result, now);
  return { end, isFinal: end.code !== ASSERTION || step.retry?.onAssert !== true };
}

/** The least that must go by before the next try; a random wait may be nothing. */
function backoff({ retry }: AgentStepDefinition, failures: number, { answer, outcome }: AttemptFacts): number {
  // What came after the time of the attempt was over asks for nothing.
  const asked = outcome === 'FAILED' && answer?.kind === 'failed' ? answer.retryAfterMs : 0;
  if (retry === undefined || retry.jitter !== false) return asked;
  const wait = (retry.backoffMs ?? 1_000) * (retry.factor ?? 2) ** (failures - 1);
  return Math.max(asked, Math.floor(Math.min(wait, retry.maxBackoffMs ?? 60_000)));
}
