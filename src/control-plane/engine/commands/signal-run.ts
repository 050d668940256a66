import { limits } from '../../../core/limits.ts';
import { nearest } from '../../../core/nearest.ts';
import type { SignalRefusal, SignalRun } from '../commands.ts';
import type { Draft } from '../decision.ts';
import { liveSteps } from '../frames.ts';
import { storeValue } from '../outputs.ts';
import { isSignalStep, type RunState, type SignalStep } from '../state.ts';
import { isRunOver } from '../status.ts';

/** Keeps the signal, and shows it to the step that has waited longest for one of its name. */
export function signalRun(draft: Draft, command: SignalRun): void {
  const { state } = draft;
  const { name, requestId, actor } = command;
  const isRepeat = state.signalRequests.get(requestId) === name;
  const refusal = isRepeat ? undefined : refusalOf(state, command);
  draft.answer = { type: 'signal', isRepeat, refusal };
  if (isRepeat || refusal !== undefined) return;
  const number = state.signalCount + 1;
  draft.emit({
    type: 'SignalReceived',
    at: draft.now,
    name,
    number,
    payload: storeValue(draft, command.payload, `signal/${number}`),
    requestId,
    ...(actor === undefined ? {} : { actor }),
  });
  const [first] = waitingFor(state, name);
  if (first !== undefined) draft.work.push(first);
}

/** Longest first, by what the journal says, not by the clock. */
function waitingFor(state: RunState, name: string): readonly SignalStep[] {
  return liveSteps(state)
    .filter(isSignalStep)
    .filter(({ node, status }) => status === 'WAITING' && node.signal === name)
    .sort((a, b) => waitingFrom(a) - waitingFrom(b));
}

function waitingFrom({ detail }: SignalStep): number {
  return detail?.waitingFrom ?? 0;
}

function refusalOf(state: RunState, { name, requestId, actor }: SignalRun): SignalRefusal | undefined {
  const subject = `Cannot send signal "${name}" to run "${state.runId}"`;
  const { status, workflow, signals, signalRequests } = state;
  if (isRunOver(status)) return { code: 'RUN_OVER', message: `${subject}: it is ${status}`, next: 'start a new run' };
  const answerers = workflow.signals.get(name);
  if (answerers === undefined) return unknownName(subject, name, [...workflow.signals.keys()]);
  if (answerers.length > 0 && (actor === undefined || !answerers.includes(actor))) {
    const who = actor === undefined ? 'the caller gave no name' : `"${actor}" may not send it`;
    const next = `call as one of ${answerers.join(', ')}: YARDMASTER_ACTOR=${answerers[0]}`;
    return { code: 'SIGNAL_NOT_ALLOWED', message: `${subject}: ${who}, only ${answerers.join(', ')}`, next };
  }
  const other = signalRequests.get(requestId);
  if (other !== undefined) {
    const message = `${subject} under request id "${requestId}": signal "${other}" was sent under it`;
    return { code: 'REQUEST_ID_REUSED', message, next: 'use a new request id' };
  }
  const kept = signals.filter((signal) => signal.name === name).length;
  if (kept < limits.signalsKeptMax) return undefined;
  const message = `${subject}: ${kept} of this name wait for a step to take them, at most ${limits.signalsKeptMax}`;
  return { code: 'TOO_MANY_SIGNALS', message, next: 'wait until a step has taken one' };
}

function unknownName(subject: string, name: string, names: readonly string[]): SignalRefusal {
  const near = nearest(name, names);
  const hint = near === undefined ? '' : `; did you mean "${near}"?`;
  const fact =
    names.length === 0 ? 'no step of its workflow waits for a signal' : `its workflow has ${names.join(', ')}`;
  return { code: 'SIGNAL_NOT_FOUND', message: `${subject}: ${fact}${hint}`, next: 'yardmaster runs get, with the run' };
}
