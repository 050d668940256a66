/**
 * Runs that ended lately, as they were when their end was durable: whoever waited for the end reads it from here, not from
 * the journal. Bounded by the steps it holds. Few on purpose: a reader comes at once, and what is kept long enough to become old
 * costs the collector more than a read of the journal.
 */
import { liveSteps } from '../engine/frames.ts';
import type { RunState } from '../engine/state.ts';
import type { RunRow } from '../store/port.ts';

/** Of one generation; there are two. */
const STEPS_MAX = 1_000;

export interface EndedRun {
  readonly row: RunRow;
  readonly state: RunState;
}

export class EndedRuns {
  private young = new Map<string, EndedRun>();
  private old = new Map<string, EndedRun>();
  private youngSteps = 0;

  keep(run: EndedRun): void {
    const steps = liveSteps(run.state).length;
    if (steps > STEPS_MAX || this.get(run.row.runId) !== undefined) return;
    if (this.youngSteps + steps > STEPS_MAX) this.age();
    this.young.set(run.row.runId, run);
    this.youngSteps += steps;
  }

  /** Something followed the end (a late result, the word that an attempt stopped): the journal knows more than this copy. */
  forget(runId: string): void {
    this.young.delete(runId);
    this.old.delete(runId);
  }

  /** Runs were deleted for their age: none of them may be answered from here. */
  clear(): void {
    this.age();
    this.age();
  }

  find(namespace: string, runId: string): EndedRun | undefined {
    const run = this.get(runId);
    return run?.row.namespace === namespace ? run : undefined;
  }

  private get(runId: string): EndedRun | undefined {
    return this.young.get(runId) ?? this.old.get(runId);
  }

  private age(): void {
    this.old = this.young;
    this.young = new Map();
    this.youngSteps = 0;
  }
}
