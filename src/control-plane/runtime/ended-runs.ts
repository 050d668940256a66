/**
 * Runs that ended lately, as they were when their end was durable: whoever waited for the end reads it from here, not from
 * the journal. Bounded by the steps it holds; the oldest goes first.
 */
import type { RunState } from '../engine/state.ts';
import type { RunRow } from '../store/port.ts';

const STEPS_MAX = 20_000;

export interface EndedRun {
  readonly row: RunRow;
  readonly state: RunState;
}

export class EndedRuns {
  private readonly runs = new Map<string, EndedRun>();
  private steps = 0;

  keep(run: EndedRun): void {
    if (run.state.steps.length > STEPS_MAX / 4 || this.runs.has(run.row.runId)) return;
    this.runs.set(run.row.runId, run);
    this.steps += run.state.steps.length;
    for (const [runId, oldest] of this.runs) {
      if (this.steps <= STEPS_MAX) break;
      this.runs.delete(runId);
      this.steps -= oldest.state.steps.length;
    }
  }

  /** Something followed the end (a late result, the word that an attempt stopped): the journal knows more than this copy. */
  forget(runId: string): void {
    const run = this.runs.get(runId);
    if (run === undefined) return;
    this.runs.delete(runId);
    this.steps -= run.state.steps.length;
  }

  /** Runs were deleted for their age: none of them may be answered from here. */
  clear(): void {
    this.runs.clear();
    this.steps = 0;
  }

  find(namespace: string, runId: string): EndedRun | undefined {
    const run = this.runs.get(runId);
    return run?.row.namespace === namespace ? run : undefined;
  }
}
