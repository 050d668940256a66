/** A step with a fallback: the failure that calls for it, and the end that comes of it. */
import { fits, show } from './compare.ts';
import { type Context, cancelled, isFailed } from './context.ts';
import type { End, SeenEnd, StepFacts } from './facts.ts';
import { stopOf } from './order.ts';
import type { Node, Place } from './outline.ts';

/** `own`: the ends that it has by itself at a moment, as if it had no fallback. */
export function endsWithFallback(
  run: Context,
  place: Place,
  fallback: Node,
  { fellBack, end }: StepFacts,
  own: (seen: SeenEnd) => readonly End[],
): readonly End[] {
  if (end === undefined) return [];
  // A failure is no end, but where a stop keeps the fallback from beginning.
  if (fellBack === undefined) {
    const mayFail = stopOf(run, place, end) !== 'no';
    return own(end).filter((ended) => mayFail || !isFailed(ended));
  }
  const failures = own(fellBack).filter(isFailed);
  const failure = failures.find((failed) => fits(fellBack, failed));
  if (failure === undefined)
    run.fault(
      place,
      `it falls back with ${show(fellBack)}, and must have failed as ${failures.map(show).join(' or ')}`,
    );
  if (stopOf(run, place, fellBack) === 'yes') run.fault(place, 'it falls back although it was stopped');
  const done = run.endBefore(place.frame.attached(fallback), end.position);
  if (done === undefined) {
    run.fault(place, 'it ends before its fallback');
    return [];
  }
  if (done.status === 'COMPLETED') return [{ status: 'COMPLETED', output: done.output }];
  const first: End = { status: fellBack.status, code: failure?.code ?? fellBack.code };
  if (isFailed(done)) return [first];
  return done.reason === 'WHEN' ? [first] : [cancelled];
}
