/** A run that follows its events: the picture that progress, pages and terminals draw. */
import type { RunEvent } from './run-event.ts';
import { isTerminalStep } from './statuses.ts';
import type { AttemptView, RunView, StepView } from './views.ts';

export interface LiveRun {
  /** The run as it is now; a new object whenever something changed. */
  view(): RunView;
  apply(event: RunEvent): void;
}

/** Starts from a run with its steps, as `getRun` gives it; events that it knows already are ignored. */
export function createLiveRun(start: RunView): LiveRun {
  const steps = new Map(start.steps.map((step) => [step.path, step]));
  let run = start;
  let isStale = false;
  return {
    view() {
      if (isStale) run = { ...run, steps: [...steps.values()], ...countSteps(steps) };
      isStale = false;
      return run;
    },
    apply(event) {
      if (event.position !== 0 && event.position <= run.position) return;
      const path = 'step' in event ? event.step : undefined;
      const step = path === undefined ? undefined : (steps.get(path) ?? addStep(steps, path, event));
      if (step !== undefined) steps.set(step.path, applyToStep(step, event));
      if (event.type === 'bodyEnded') dropInside(steps, `${event.step}/${event.number}/`);
      run = { ...applyToRun(run, event), position: Math.max(run.position, event.position) };
      isStale = true;
    },
  };
}

/** Puts a step of a loop behind those of its loop, and one that belongs to another behind that, where the server lists them. */
function addStep(steps: Map<string, StepView>, path: string, event: RunEvent): StepView | undefined {
  const made = newStep(path, event);
  if (made === undefined) return undefined;
  const loop = path.split('/').slice(0, -2).join('/');
  const all = [...steps.values()];
  const of = made.fallbackOf ?? made.compensates;
  const isBefore = (step: StepView): boolean => made.compensates !== undefined && step.fallbackOf === of;
  const owner = all.findLastIndex((step) => step.path === of || (of !== undefined && isBefore(step)));
  const inLoop = all.findLastIndex((step) => step.path === loop || step.path.startsWith(`${loop}/`));
  const behind = (owner < 0 ? inLoop : owner) + 1;
  steps.clear();
  for (const step of all.toSpliced(behind, 0, made)) steps.set(step.path, step);
  return made;
}

/** A step inside of a loop appears with its first event and goes with its iteration; one that belongs to another when it is called for. */
function newStep(path: string, event: RunEvent): StepView | undefined {
  const { fallbackOf, compensates } =
    event.type === 'stepReady' ? event : { fallbackOf: undefined, compensates: undefined };
  const isAttached = fallbackOf !== undefined || compensates !== undefined;
  if (!isAttached && !path.includes('/')) return undefined;
  if (event.type !== 'stepReady' && event.type !== 'stepEnded') return undefined;
  return {
    path,
    stepId: path.slice(path.lastIndexOf('/') + 1),
    kind: event.type === 'stepReady' ? event.kind : 'UNKNOWN',
    status: 'PENDING',
    waitReason: 'NONE',
    input: { kind: 'none' },
    output: { kind: 'none' },
    error: undefined,
    attempts: [],
    readyTime: undefined,
    startTime: undefined,
    endTime: undefined,
    progress: 0,
    progressMessage: '',
    cleanup: compensates !== undefined,
    dueTime: undefined,
    skipReason: 'NONE',
    skippedBecauseOf: undefined,
    takenOver: false,
    iterations: 0,
    signal: undefined,
    fallbackOf,
    compensates,
    usedFallback: false,
  };
}

function dropInside(steps: Map<string, StepView>, prefix: string): void {
  for (const path of steps.keys()) if (path.startsWith(prefix)) steps.delete(path);
}

/** As the server counts: a loop is one step, and what belongs to a step is none. */
function countSteps(steps: ReadonlyMap<string, StepView>): Pick<RunView, 'completedSteps' | 'totalSteps' | 'progress'> {
  let completedSteps = 0;
  let totalSteps = 0;
  let running = 0;
  for (const step of steps.values()) {
    if ((step.kind !== 'AGENT' && step.kind !== 'LOOP') || step.path.includes('/')) continue;
    if (step.fallbackOf !== undefined || step.compensates !== undefined) continue;
    totalSteps++;
    if (isTerminalStep(step.status)) completedSteps++;
    else if (step.status === 'RUNNING') running += step.progress;
  }
  const progress = totalSteps === 0 ? 0 : (completedSteps + running) / totalSteps;
  return { completedSteps, totalSteps, progress };
}

function applyToRun(run: RunView, event: RunEvent): RunView {
  switch (event.type) {
    case 'runStarted':
      return { ...run, status: 'RUNNING', startTime: event.time };
    case 'runEnding':
      return { ...run, status: 'ENDING', outcome: event.outcome, error: event.error };
    case 'runEnded':
      return {
        ...run,
        status: event.status,
        outcome: event.status,
        endTime: event.time,
        error: event.error ?? run.error,
        unconsumedSignals: event.unconsumedSignals,
        cleanupErrors: event.cleanupErrors,
      };
    case 'signalReceived':
      return { ...run, unconsumedSignals: run.unconsumedSignals + 1 };
    case 'signalTaken':
      return { ...run, unconsumedSignals: run.unconsumedSignals - 1 };
    default:
      return run;
  }
}

function applyToStep(step: StepView, event: RunEvent): StepView {
  switch (event.type) {
    case 'stepReady':
      return {
        ...step,
        status: event.kind === 'AGENT' ? 'READY' : 'RUNNING',
        waitReason: 'NONE',
        readyTime: step.readyTime ?? event.time,
        dueTime: undefined,
      };
    case 'stepWaiting':
      return startWait(step, event);
    case 'attemptStarted':
      return startAttempt(step, event);
    case 'attemptUnreachable':
      return { ...step, waitReason: 'AGENT_UNREACHABLE' };
    case 'attemptReturned':
      return { ...step, waitReason: 'NONE' };
    case 'attemptEnded':
      return endAttempt(step, event);
    case 'bodyStarted':
      return { ...step, status: 'RUNNING', waitReason: 'NONE', dueTime: undefined, iterations: event.number };
    case 'bodyEnded':
      return event.dueTime === undefined
        ? step
        : { ...step, status: 'WAITING', waitReason: 'BACKOFF', dueTime: event.dueTime };
    case 'retryScheduled':
      return { ...step, status: 'WAITING', waitReason: 'BACKOFF', dueTime: event.dueTime };
    case 'stepFellBack':
      return {
        ...step,
        status: 'RUNNING',
        waitReason: 'NONE',
        dueTime: undefined,
        signal: undefined,
        error: event.error,
        usedFallback: true,
      };
    case 'stepEnded':
      return {
        ...step,
        status: event.status,
        waitReason: 'NONE',
        endTime: event.time,
        dueTime: undefined,
        signal: undefined,
        error: event.error,
        skipReason: event.skipReason,
        skippedBecauseOf: event.skippedBecauseOf,
        takenOver: event.takenOver,
        usedFallback: event.usedFallback,
      };
    case 'stepProgressed':
      return { ...step, progress: event.fraction, progressMessage: event.message };
    default:
      return step;
  }
}

/** Who may send the signal is not in the event; `getRun` says it. */
function startWait(step: StepView, event: Extract<RunEvent, { readonly type: 'stepWaiting' }>): StepView {
  const { signal: name, title = '', time, dueTime } = event;
  return {
    ...step,
    status: 'WAITING',
    waitReason: name === undefined ? 'TIMER' : 'SIGNAL',
    readyTime: time,
    startTime: time,
    dueTime,
    signal: name === undefined ? undefined : { name, title, answerers: [] },
  };
}

function startAttempt(step: StepView, event: Extract<RunEvent, { readonly type: 'attemptStarted' }>): StepView {
  const attempt: AttemptView = {
    number: event.attempt,
    tryNumber: event.tryNumber,
    agent: event.agent,
    instance: event.instance,
    outcome: 'OPEN',
    error: undefined,
    startTime: event.time,
    endTime: undefined,
    resumed: event.resumed,
  };
  return {
    ...step,
    status: 'RUNNING',
    waitReason: 'NONE',
    startTime: step.startTime ?? event.time,
    dueTime: undefined,
    progress: event.resumed ? step.progress : 0,
    progressMessage: '',
    attempts: [...step.attempts, attempt],
  };
}

function endAttempt(step: StepView, event: Extract<RunEvent, { readonly type: 'attemptEnded' }>): StepView {
  const attempts = step.attempts.map((attempt) =>
    attempt.number === event.attempt
      ? { ...attempt, outcome: event.outcome, endTime: event.time, error: event.error }
      : attempt,
  );
  const hasOpen = attempts.some((attempt) => attempt.outcome === 'OPEN');
  if (hasOpen || isTerminalStep(step.status)) return { ...step, attempts };
  return { ...step, attempts, status: 'READY', waitReason: 'NONE' };
}
