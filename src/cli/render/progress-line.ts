/** A run in progress for logs and pipes: one line per change, so that a build's output stays short. */
import { estimateEta, isTerminalRun, type RunEvent, type RunView, type StepView } from '../../client/index.ts';
import { shortId } from '../../core/ids.ts';
import { isToldByItsMap, itemsNote, mapAround, tenthNote } from './items.ts';
import { instanceName, plural, safe } from './text.ts';
import { clockTime, roughly } from './time.ts';
import { isHeldKind } from './waits.ts';

/** The line of a change; undefined for changes that say nothing new. */
export function renderChange(run: RunView, event: RunEvent): string | undefined {
  // Ten thousand items are told by their map.
  if (isToldByItsMap(run, event)) return undefined;
  const body = bodyOf(run, event);
  return body === undefined ? undefined : `${clockTime(event.time, true)} ${body}`;
}

function bodyOf(run: RunView, event: RunEvent): string | undefined {
  switch (event.type) {
    case 'runStarted':
      return `run=${shortId(event.runId)} RUNNING ${safe(event.workflow)} v${event.version}, ${event.totalSteps} steps`;
    case 'attemptStarted':
      return stepLine(event, 'RUNNING', event.resumed ? 'from its checkpoint' : '');
    case 'attemptUnreachable':
      return stepLine(event, 'UNREACHABLE', event.reason);
    case 'attemptReturned':
      return stepLine(event, 'RUNNING', 'its agent came back');
    case 'attemptEnded':
      return event.outcome === 'COMPLETED' ? undefined : stepLine(event, event.outcome, errorText(event));
    case 'retryScheduled':
      return stepLine(event, 'WAITING', `try ${event.tryNumber} of ${event.tries}${dueText(event)}`);
    case 'stepWaiting':
      return stepLine(event, 'WAITING', waitText(event));
    case 'childStarted':
      return stepLine(event, 'WAITING', `for run ${shortId(event.childRunId)} of ${event.workflow} v${event.version}`);
    case 'signalReceived':
      return `run=${shortId(event.runId)} SIGNAL ${safe(event.name)}${quoted(event.actor === undefined ? '' : `from ${event.actor}`)}`;
    case 'bodyEnded':
      return event.dueTime === undefined
        ? itemsLine(run, event)
        : stepLine(event, 'WAITING', `iteration ${event.number + 1} at ${clockTime(event.dueTime, true)}`);
    case 'stepReady':
      return event.compensates === undefined
        ? undefined
        : stepLine(event, 'COMPENSATING', `undoes ${event.compensates}`);
    case 'bodiesTakenOver':
      return keptLine(event);
    case 'stepFellBack':
      return stepLine(event, 'FALLBACK', `${event.fallback} runs: ${errorText(event)}`);
    case 'stepEnded':
      return isBlock(run, event.step) ? undefined : stepLine(event, event.status, endNote(run, event));
    case 'checkpointStored':
      return stepLine(event, 'CHECKPOINT', '');
    case 'cancelRequested':
      return `run=${shortId(event.runId)} CANCELLING${quoted(event.reason)}`;
    case 'runPaused':
      return `run=${shortId(event.runId)} PAUSED${quoted(event.reason)}`;
    case 'runResumed':
      return `run=${shortId(event.runId)} RESUMED`;
    case 'runEnding':
      return event.outcome === 'COMPLETED'
        ? undefined
        : `run=${shortId(event.runId)} ENDING ${event.outcome}${quoted(errorText(event))}`;
    case 'runTryScheduled':
      return `run=${shortId(event.runId)} WAITING${quoted(`next try${dueText(event)}`)}`;
    case 'runTryStarted':
      return `run=${shortId(event.runId)} RUNNING${quoted(`try ${event.tryNumber}, ${plural(event.steps.length, 'step')} again`)}`;
    case 'runEnded':
      return `run=${shortId(event.runId)} ${event.status} ${run.completedSteps}/${run.totalSteps}${quoted(endText(event))}`;
    default:
      return undefined;
  }
}

/** Of a loop whose first iteration goes on there is nothing more to tell than its steps do. */
function keptLine(event: Extract<RunEvent, { readonly type: 'bodiesTakenOver' }>): string | undefined {
  const { iterations, items, keptItems } = event;
  if (items > 0) return stepLine(event, 'PENDING', `${keptItems} of ${plural(items, 'item')} taken over`);
  return iterations === 0 ? undefined : stepLine(event, 'PENDING', `${plural(iterations, 'iteration')} taken over`);
}

function itemsLine(run: RunView, event: Extract<RunEvent, { readonly type: 'bodyEnded' }>): string | undefined {
  const note = tenthNote(run, event);
  return note === undefined ? undefined : stepLine(event, 'RUNNING', note);
}

function endNote(run: RunView, event: Extract<RunEvent, { readonly type: 'stepEnded' }>): string {
  if (event.takenOver) return 'taken over';
  if (event.usedFallback) return 'by its fallback';
  const step = run.steps.find(({ path }) => path === event.step);
  return [step === undefined ? '' : itemsNote(step), errorText(event)].filter((part) => part !== '').join('; ');
}

/** `step=clean UNREACHABLE attempt=1 agent=cleaner/0b7d "stream ended"` */
function stepLine(event: RunEvent & { readonly step: string }, word: string, said: string): string {
  return [
    `step=${safe(event.step)} ${word}`,
    ...(event.attempt === undefined ? [] : [`attempt=${event.attempt}`]),
    ...(event.agent === undefined ? [] : [`agent=${instanceName(event.agent, event.instance ?? '')}`]),
  ]
    .join(' ')
    .concat(quoted(said));
}

function quoted(text: string): string {
  return text === '' ? '' : ` ${JSON.stringify(safe(text))}`;
}

function errorText({ error }: RunEvent): string {
  return error === undefined ? '' : `${error.code}: ${error.message}`;
}

function waitText({ kind, signal, title, dueTime }: Extract<RunEvent, { readonly type: 'stepWaiting' }>): string {
  if (kind === 'WORKFLOW') return 'for its run to start';
  const until = dueTime === undefined ? '' : `until ${clockTime(dueTime, true)}`;
  if (signal === undefined) return until;
  const what = `for signal ${signal}${until === '' ? '' : ` ${until}`}`;
  return title === undefined ? what : `${what}: ${title}`;
}

function endText(event: Extract<RunEvent, { readonly type: 'runEnded' }>): string {
  const { unconsumedSignals: count, cleanupErrors } = event;
  const [first] = cleanupErrors;
  const cleanup = first === undefined ? '' : `cleanup: ${first.code}: ${first.message}`;
  const more = cleanupErrors.length < 2 ? '' : `${cleanupErrors.length - 1} more in cleanup`;
  const signals = count === 0 ? '' : `${plural(count, 'signal')} not taken`;
  return [errorText(event), cleanup, more, signals].filter(Boolean).join('; ');
}

function dueText(event: Extract<RunEvent, { readonly type: 'retryScheduled' | 'runTryScheduled' }>): string {
  return event.dueTime === undefined ? '' : ` at ${clockTime(event.dueTime, true)}`;
}

function isBlock(run: RunView, path: string): boolean {
  const step = run.steps.find((candidate) => candidate.path === path);
  return step !== undefined && step.kind !== 'AGENT' && step.kind !== 'MAP' && !isHeldKind(step.kind);
}

/** Said when one begins to look on: `12:00:03Z run=9c41e7b2 RUNNING 3/6 clean 62%`. */
export function renderNow(run: RunView, nowMs: number): string {
  return standing(run, nowMs, '');
}

/** Said after a long silence: `12:00:33Z run=9c41e7b2 still RUNNING 3/6 clean 62%`. */
export function renderStill(run: RunView, nowMs: number): string {
  return standing(run, nowMs, 'still ');
}

function standing(run: RunView, nowMs: number, adverb: string): string {
  const isTold = ({ kind, path }: StepView): boolean =>
    kind === 'MAP' || (kind === 'AGENT' && mapAround(run, path) === undefined);
  const running = run.steps.filter((step) => step.status === 'RUNNING' && isTold(step)).slice(0, 3);
  const steps = running.map((step) => {
    const { path, progress } = step;
    if (step.kind === 'MAP') return `${safe(path)} ${itemsNote(step)}`;
    return progress > 0 ? `${safe(path)} ${Math.round(progress * 100)}%` : safe(path);
  });
  // Later it is another one, and no event says so.
  const place = run.queuePosition === undefined || adverb !== '' ? '' : ` #${run.queuePosition} in the queue`;
  const head = `run=${shortId(run.runId)} ${adverb}${run.status} ${run.completedSteps}/${run.totalSteps}${place}`;
  return `${clockTime(new Date(nowMs), true)} ${[head, ...steps, ...etaOf(run, nowMs), ...stuckOf(run)].join(' ')}`;
}

function etaOf(run: RunView, nowMs: number): readonly string[] {
  const etaMs = isTerminalRun(run.status) ? undefined : estimateEta(run, nowMs);
  return etaMs === undefined ? [] : [`ETA ${roughly(etaMs)}`];
}

function stuckOf({ stuck }: RunView): readonly string[] {
  return stuck === undefined ? [] : [`STUCK${quoted(stuck.message)}`];
}
