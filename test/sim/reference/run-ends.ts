/** How a run ends: by the first of what can end it. */
import type { WorkflowDefinition } from '../../../src/workflow/definition.ts';
import { type Context, isFailed, isUnhandled } from './context.ts';
import { Unknown } from './expressions.ts';
import type { End, Moment } from './facts.ts';
import type { Frame, Outline } from './outline.ts';

export function runEnds(run: Context, { timeoutMs = 0, output }: WorkflowDefinition, outline: Outline, root: Frame) {
  const { ending, cancels, startedAt } = run.facts;
  if (startedAt === undefined) return queuedEnds(run);
  if (ending === undefined) return [];
  const body = root.placesOf(outline.body);
  const failure = firstFailure(run, ending.position);
  if (failure !== undefined && failure.at !== ending.at)
    run.faultOfRun(`the run goes on after the failure at ${failure.position}`);
  const ends: End[] = [];
  if (failure !== undefined) ends.push({ status: 'FAILED' });
  // A cancel that came before the failure would have ended the run before it.
  if (failure === undefined && cancels.some(({ position }) => position < ending.position))
    ends.push({ status: 'CANCELLED' });
  if (failure === undefined && timeoutMs > 0 && run.hasCome(ending.at, startedAt + timeoutMs))
    ends.push({ status: 'TIMED_OUT' });
  const isDone = body.every((place) => (run.of(place)?.end?.position ?? Number.POSITIVE_INFINITY) < ending.position);
  if (isDone && failure === undefined) ends.push(...completion(run, output, root, ending));
  const last = Math.max(...body.map((place) => run.of(place)?.end?.position ?? 0));
  for (const place of root.placesOf(outline.cleanup))
    if ((run.of(place)?.started?.position ?? last) < last) run.fault(place, 'it starts before the body is over');
  return ends;
}

/** One that never left the queue ends by a cancel alone, and without cleanup: nothing of it may have begun, but what it kept. */
function queuedEnds(run: Context): readonly End[] {
  for (const { path, isTakenOver, isKept, started, end } of run.facts.steps.values())
    if (!isTakenOver && isKept !== true && (started !== undefined || (end?.status ?? 'SKIPPED') !== 'SKIPPED'))
      run.faultOfRun(`${path} begins in a run that is QUEUED`);
  return run.facts.cancels.length > 0 ? [{ status: 'CANCELLED' }] : [];
}

function completion(run: Context, output: WorkflowDefinition['output'], root: Frame, { at }: Moment): readonly End[] {
  if (output === undefined) return [{ status: 'COMPLETED', output: null }];
  try {
    const made = run.readOfRun(output, root, at);
    return [made.ok ? { status: 'COMPLETED', output: made.value } : { status: 'FAILED', code: made.code }];
  } catch (error) {
    if (error instanceof Unknown) return [{ status: 'COMPLETED' }, { status: 'FAILED' }];
    throw error;
  }
}

function firstFailure(run: Context, position: number): Moment | undefined {
  const failures = run.all().flatMap((place) => {
    const end = place.node.isFinally || !isUnhandled(place) ? undefined : run.endBefore(place, position);
    return end !== undefined && isFailed(end) ? [end] : [];
  });
  return failures.toSorted((left, right) => left.position - right.position)[0];
}
