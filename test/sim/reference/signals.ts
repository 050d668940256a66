/** Which step gets which signal: each takes the oldest of its name, and of two that wait the one that has waited longest. */
import type { RunFacts } from './facts.ts';
import type { Place } from './outline.ts';

/** Numbers of signals by path. Undefined: what was paused leaves open when a signal is taken. */
export function deal(
  { signals, steps, isPausedOnce }: RunFacts,
  places: readonly Place[],
): ReadonlyMap<string, number> | undefined {
  if (isPausedOnce) return undefined;
  const dealt = new Map<string, number>();
  for (const name of new Set(signals.map((signal) => signal.name))) {
    const kept = signals.filter((signal) => signal.name === name);
    const waiting = places
      .filter(({ node: { step } }) => step.type === 'signal' && step.signal === name)
      .flatMap(({ path }) => steps.get(path) ?? [])
      .filter(({ started, isTakenOver, isKept }) => started !== undefined && !isTakenOver && isKept !== true)
      .toSorted((left, right) => (left.started?.position ?? 0) - (right.started?.position ?? 0));
    for (const { path, started, fellBack, end: last } of waiting) {
      // One that fell back does not wait any more.
      const end = fellBack ?? last;
      // Whoever was there first has gone on with what came before; the next one came before this step ended, or never.
      const [next] = kept;
      if (next === undefined || (end !== undefined && next.position > end.position) || started === undefined) continue;
      dealt.set(path, next.number);
      kept.shift();
    }
  }
  return dealt;
}
