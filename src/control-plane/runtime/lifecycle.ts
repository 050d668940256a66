/** What the parts do together: their start and their stop, in the one order that each has, and what happens as a batch is sealed. */
import type { Parts } from './assembly.ts';
import type { Face } from './face.ts';
import type { Recovered } from './recovery.ts';

const ASSIGNMENTS_PER_FLUSH = 10_000;
/** What one choice weighs is known when its run has decided: so the next are chosen after that. */
const ASSIGNMENTS_AT_ONCE = 64;

export function startParts(parts: Parts, recovered: Recovered): Face {
  parts.face.recovered = recovered;
  parts.metrics.observe(parts.face.gauges());
  parts.guard.start();
  parts.retention.start();
  parts.ticker.start();
  parts.past.load();
  for (const runId of recovered.idle) parts.staging.lookAt(runId);
  parts.children.start();
  parts.calls.start();
  parts.committer.kick();
  return parts.face;
}

export async function stopParts(parts: Parts): Promise<void> {
  parts.guard.stop();
  parts.timers.stop();
  parts.admission.stop();
  parts.retention.stop();
  parts.children.stop();
  parts.calls.stop();
  await parts.options.parameterChecks.close();
  parts.ticker.stop();
  await parts.past.stop();
  await parts.committer.idle();
  parts.committer.halt();
  await parts.store.close();
}

/** True while something is on its way that time alone does not bring about. */
export function hasWork({
  committer,
  runs,
  scheduleBook,
  children,
  calls,
  past,
  stuck,
  output,
  schemas,
}: Parts): boolean {
  const isLooking = past.isLoading || stuck.isBusy || output.isBusy || schemas.isBusy;
  return committer.isBusy || runs.isBusy || scheduleBook.isBusy || children.isBusy || calls.isBusy || isLooking;
}

/** Called when a batch is sealed: every slot freed and every step ready in this turn share it. */
export function assignWaiting({ admission, clock, committer, runs, scheduler, sessions, staging }: Parts): void {
  // Who was sent elsewhere does not read this stream to its end.
  if (runs.isReading || sessions.isMoving) return;
  admission.settle();
  const monotonic = clock.monotonic();
  for (let count = 0; count < ASSIGNMENTS_PER_FLUSH; count += ASSIGNMENTS_AT_ONCE) {
    const chosen = scheduler.assignments(monotonic, ASSIGNMENTS_AT_ONCE);
    for (const assignment of chosen) staging.assign(assignment);
    if (chosen.length < ASSIGNMENTS_AT_ONCE) break;
  }
  const next = scheduler.nextChange(monotonic);
  if (next !== undefined && next > monotonic) staging.wakeAt(next - monotonic, () => committer.kick());
}
