/** A run that follows its events: the picture that progress, pages and terminals draw. */
import { LiveSteps } from './live-steps.ts';
import type { RunEvent } from './run-event.ts';
import { isTerminalStep, type StepStatus } from './statuses.ts';
import type { AttemptView, ItemCountsView, RunView, StepView } from './views.ts';

export interface LiveRun {
  /** The run as it is now; a new object whenever something changed. */
  view(): RunView;
  apply(event: RunEvent): void;
}

/** Starts from a run with its steps, as `getRun` gives it; events that it knows already are ignored. */
export function createLiveRun(start: RunView): LiveRun {
  const steps = new LiveSteps(start.steps);
  let run = start;
  let isStale = false;
  return {
    view() {
      if (isStale) run = { ...run, steps: steps.list(), ...countSteps(steps.outermost()) };
      isStale = false;
      return run;
    },
    apply(event) {
      if (event.position !== 0 && event.position <= run.position) return;
      const path = 'step' in event ? event.step : undefined;
      const step = path === undefined ? undefined : (steps.get(path) ?? newStep(path, event));
      if (step !== undefined) steps.set(applyToStep(step, event));
      if (event.type === 'bodyEnded') steps.drop(`${event.step}/${event.number}/`);
      if (event.type === 'runTryStarted') startAgain(steps, event);
      run = { ...applyToRun(run, event), position: Math.max(run.position, event.position) };
      isStale = true;
    },
  };
}

/** A step inside of a loop or a map appears with its first event and goes with its iteration or its item; one that belongs to another when it is called for. */
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
    nextTry: undefined,
    skipReason: 'NONE',
    skippedBecauseOf: undefined,
    takenOver: false,
    iterations: 0,
    items: undefined,
    usualMs: undefined,
    signal: undefined,
    child: undefined,
    fallbackOf,
    compensates,
    usedFallback: false,
  };
}

/** As the server counts: a loop is one step, and so are a map and a child run; what belongs to a step is none. */
const COUNTED: ReadonlySet<string> = new Set(['AGENT', 'LOOP', 'MAP', 'WORKFLOW']);

/**
 * As if they had not begun, but for their attempts; what is in a loop or a map among them is gone, unless steps of it are among them, too,
 * and what belongs to them is not called for.
 */
function startAgain(steps: LiveSteps, { steps: paths, continued }: Extract<RunEvent, { type: 'runTryStarted' }>): void {
  const again = new Set(paths);
  const goesOn = new Set(paths.map((path) => path.slice(0, path.lastIndexOf('/') + 1)));
  const keeps = new Set(continued);
  for (const prefix of goesOn)
    for (const { path, fallbackOf = '', compensates = '' } of steps.of(prefix))
      if (again.has(fallbackOf) || again.has(compensates)) steps.remove(path);
  for (const path of paths) {
    const step = steps.get(path);
    const isCutShort = steps.hasInside(path);
    steps.dropInside(path, goesOn);
    if (step === undefined) continue;
    const iterations = keeps.has(path) ? step.iterations - (isCutShort ? 1 : 0) : 0;
    steps.set({ ...step, ...NOT_BEGUN, iterations });
  }
}

const NOT_BEGUN = {
  status: 'PENDING',
  waitReason: 'NONE',
  error: undefined,
  readyTime: undefined,
  startTime: undefined,
  endTime: undefined,
  dueTime: undefined,
  nextTry: undefined,
  progress: 0,
  progressMessage: '',
  skipReason: 'NONE',
  skippedBecauseOf: undefined,
  takenOver: false,
  items: undefined,
  signal: undefined,
  child: undefined,
  usedFallback: false,
} as const satisfies Partial<StepView>;

function countSteps(steps: Iterable<StepView>): Pick<RunView, 'completedSteps' | 'totalSteps' | 'progress'> {
  let completedSteps = 0;
  let totalSteps = 0;
  let running = 0;
  for (const step of steps) {
    if (!COUNTED.has(step.kind)) continue;
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
      return { ...run, status: 'RUNNING', startTime: event.time, queuePosition: undefined };
    case 'runTryStarted':
      return { ...run, status: 'RUNNING', outcome: undefined, error: undefined, tryNumber: event.tryNumber };
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
        estimatedCompletion: undefined,
        stuck: undefined,
        cleanupErrors: event.cleanupErrors,
      };
    case 'runEstimated':
      return { ...run, estimatedCompletion: event.endTime };
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
        nextTry: undefined,
        ...(event.kind === 'MAP' && itemsOf(event)),
      };
    case 'bodiesTakenOver':
      return { ...step, iterations: event.iterations, ...(step.kind === 'MAP' && itemsOf(event)) };
    case 'stepWaiting':
      return startWait(step, event);
    case 'childStarted': {
      const { childRunId, workflow, version } = event;
      return { ...step, child: { runId: childRunId, workflow, version } };
    }
    case 'attemptStarted':
      return startAttempt(step, event);
    case 'attemptUnreachable':
      return { ...step, waitReason: 'AGENT_UNREACHABLE' };
    case 'attemptReturned':
      return { ...step, waitReason: 'NONE' };
    case 'attemptEnded':
      return endAttempt(step, event);
    case 'bodyStarted':
      if (step.items !== undefined) return { ...step, items: { ...step.items, started: step.items.started + 1 } };
      return {
        ...step,
        status: 'RUNNING',
        waitReason: 'NONE',
        dueTime: undefined,
        nextTry: undefined,
        iterations: event.number,
      };
    case 'bodyEnded':
      if (step.items !== undefined) return endItem(step, step.items, event.status);
      return event.dueTime === undefined
        ? step
        : { ...step, status: 'WAITING', waitReason: 'BACKOFF', dueTime: event.dueTime };
    case 'retryScheduled':
      return awaitRetry(step, event);
    case 'stepFellBack':
      return {
        ...step,
        status: 'RUNNING',
        waitReason: 'NONE',
        dueTime: undefined,
        nextTry: undefined,
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
        nextTry: undefined,
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

function itemsOf(event: { readonly items: number; readonly keptItems: number }): Pick<StepView, 'items' | 'progress'> {
  const { items: total, keptItems: kept } = event;
  return { items: { total, started: kept, ended: kept, failed: 0 }, progress: total === 0 ? 0 : kept / total };
}

function awaitRetry(step: StepView, event: Extract<RunEvent, { readonly type: 'retryScheduled' }>): StepView {
  const { dueTime, tryNumber, tries } = event;
  return { ...step, status: 'WAITING', waitReason: 'BACKOFF', dueTime, nextTry: { number: tryNumber, of: tries } };
}

function endItem(step: StepView, counts: ItemCountsView, status: StepStatus): StepView {
  const failed = counts.failed + (status === 'FAILED' || status === 'TIMED_OUT' ? 1 : 0);
  const items = { ...counts, ended: counts.ended + 1, failed };
  return { ...step, items, progress: items.total === 0 ? 0 : items.ended / items.total };
}

const HELD_BY: Readonly<Record<string, StepView['waitReason']>> = { SIGNAL: 'SIGNAL', WORKFLOW: 'CHILD' };

/** Who may send the signal, and its form, are not in the event; `getRun` says it. */
function startWait(step: StepView, event: Extract<RunEvent, { readonly type: 'stepWaiting' }>): StepView {
  const { signal: name, title = '', time, dueTime } = event;
  return {
    ...step,
    status: 'WAITING',
    waitReason: HELD_BY[event.kind] ?? 'TIMER',
    readyTime: time,
    startTime: time,
    dueTime,
    signal: name === undefined ? undefined : { name, title, answerers: [], form: undefined },
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
    nextTry: undefined,
    progress: event.resumed ? step.progress : 0,
    progressMessage: '',
    attempts: [...step.attempts, attempt],
  };
}

function endOf({ outcome, time, error, usage }: Extract<RunEvent, { readonly type: 'attemptEnded' }>) {
  return { outcome, endTime: time, error, ...(usage === undefined ? {} : { usage }) };
}

function endAttempt(step: StepView, event: Extract<RunEvent, { readonly type: 'attemptEnded' }>): StepView {
  const attempts = step.attempts.map((attempt) =>
    attempt.number === event.attempt ? { ...attempt, ...endOf(event) } : attempt,
  );
  const hasOpen = attempts.some((attempt) => attempt.outcome === 'OPEN');
  if (hasOpen || isTerminalStep(step.status)) return { ...step, attempts };
  return { ...step, attempts, status: 'READY', waitReason: 'NONE' };
}
