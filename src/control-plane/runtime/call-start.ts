/** What makes a run the call of a handler: the step that it belongs to, and the key under which that step has it once. */
import { YardmasterError } from '../../core/errors.ts';
import { type AttemptKey, CALL_REQUESTS, formatAttemptId } from '../../core/ids.ts';
import { limits } from '../../core/limits.ts';
import type { Caller, CallingStep } from '../engine/calls.ts';
import type { ParentStep } from '../engine/events.ts';
import type { Pending } from './run-holder.ts';

export interface CallStart {
  readonly parent: ParentStep;
  /** Undefined: none. */
  readonly timeoutMs: number | undefined;
  /** Asked when the start is decided: why it may not begin; undefined: it may. */
  readonly obstacle: (runId: string) => YardmasterError | undefined;
}

/** It stands as long as nothing is in the way. */
export function premiseOf(
  { obstacle }: CallStart,
  runId: string,
  reject: (why: Error) => void,
): NonNullable<Pending['premise']> {
  let why: Error | undefined;
  const holds = (): boolean => {
    why = obstacle(runId);
    return why === undefined;
  };
  return { holds, onFallen: () => why !== undefined && reject(why) };
}

/** The attempt is not in it: another one of the step has the same calls. Neither runs nor paths have a colon. */
export function callRequestId(runId: string, step: CallingStep, key: string): string {
  return `${CALL_REQUESTS}${runId}:${step.try}:${step.path}:${key}`;
}

/** The step that a call was made for and how it named it, from its row. Undefined: it is no call. */
export function callingStepOf(requestId: string | undefined): (CallingStep & { readonly key: string }) | undefined {
  if (requestId?.startsWith(CALL_REQUESTS) !== true) return undefined;
  const [, made = '', path = '', ...key] = requestId.split(':');
  return { path, try: Number(made), key: key.join(':') };
}

export function attemptUnknown(attemptId: string): YardmasterError {
  return new YardmasterError('ATTEMPT_UNKNOWN', `Cannot call for attempt "${attemptId.slice(0, 200)}": there is none`, {
    next: 'send the attempt id of the assignment that the handler works on',
  });
}

/** Why the handler of an attempt may not call; undefined: it may. */
export function refusalOfCaller(key: AttemptKey, caller: Caller): YardmasterError | undefined {
  const attemptId = formatAttemptId(key);
  if (caller.kind === 'unknown') return attemptUnknown(attemptId);
  if (caller.kind === 'over') return attemptOver(attemptId, caller.outcome);
  if (caller.parent.depth <= limits.childDepthMax) return undefined;
  const fact = `child runs and calls stand in each other, ${limits.childDepthMax} deep at most`;
  return new YardmasterError('CHILD_DEPTH', `Cannot call for attempt "${attemptId}": ${fact}`, {
    next: 'let the workflow do it one step after the other',
  });
}

export function attemptOver(attemptId: string, outcome: string | undefined): YardmasterError {
  const fact = outcome === undefined ? 'its step is over, or is being stopped' : `it ended ${outcome}`;
  return new YardmasterError('ATTEMPT_NOT_LIVE', `Cannot call for attempt "${attemptId}": ${fact}`, {
    meta: outcome === undefined ? {} : { outcome },
    next: 'stop the handler: nothing that it does counts any more',
  });
}

export function tooManyCalls(key: AttemptKey): YardmasterError {
  const fact = `${limits.callsOpenMax} calls of its step are open, as many as may be`;
  return new YardmasterError('CALL_LIMIT', `Cannot call for attempt "${formatAttemptId(key)}": ${fact}`, {
    next: 'wait for the end of some, or put what is asked into fewer calls',
  });
}

export function keyReused(key: string, runId: string): YardmasterError {
  const fact = `call "${runId}" was made under it with another capability, version, agent, labels, input or number of retries`;
  return new YardmasterError('CALL_KEY_REUSED', `Cannot call under key "${key}": ${fact}`, {
    meta: { runId },
    next: 'name what differs in the key',
  });
}
