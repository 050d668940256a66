/** The runs of a workflow with a limit: never more are active than it says, and they start in the order of the queue. By journals alone. */
import type { Priority, WorkflowDefinition } from '../../../src/workflow/definition.ts';
import type { Verdict } from '../failure.ts';
import type { RunModel } from './run-model.ts';

const RANKS: readonly Priority[] = ['critical', 'high', 'normal', 'low'];

export class QueueChecks {
  private readonly runs: ReadonlyMap<string, RunModel>;
  private readonly verdict: Verdict;
  private readonly limits = new Map<string, NonNullable<WorkflowDefinition['concurrency']>>();
  /** Run ids in the order in which they became durable. */
  private readonly arrivals = new Map<string, number>();

  constructor(runs: ReadonlyMap<string, RunModel>, verdict: Verdict) {
    this.runs = runs;
    this.verdict = verdict;
  }

  know({ name, concurrency }: WorkflowDefinition): void {
    if (concurrency !== undefined) this.limits.set(name, concurrency);
  }

  created(model: RunModel): void {
    this.arrivals.set(model.runId, this.arrivals.size);
  }

  /** A batch is durable that started it. */
  started(model: RunModel): void {
    const concurrency = this.limits.get(model.workflow);
    if (concurrency === undefined) return;
    const others = [...this.runs.values()].filter(({ workflow }) => workflow === model.workflow);
    const active = others.filter(({ isActive }) => isActive).length;
    this.verdict.check(
      active <= concurrency.limit,
      'no more runs are active than the workflow allows',
      () => `${model.runId}: ${active} of "${model.workflow}", at most ${concurrency.limit}`,
    );
    // What is asked to end for a newer one is passed over, before its end is durable.
    if (concurrency.overflow === 'cancelOldest') return;
    const before = others.filter((other) => this.goesBefore(other, model));
    // They have places, and are being read.
    this.verdict.check(
      before.length <= concurrency.limit - active,
      'runs start in the order of the queue',
      () => `${model.runId} starts before ${before.map(({ runId }) => runId)}`,
    );
  }

  /** It waits, was there first and is as urgent. */
  private goesBefore(other: RunModel, model: RunModel): boolean {
    if (!other.isQueued || other.cancelRequests > 0) return false;
    const [rank, own] = [RANKS.indexOf(other.priority), RANKS.indexOf(model.priority)];
    const wasThere = (this.arrivals.get(other.runId) ?? 0) < (this.arrivals.get(model.runId) ?? 0);
    return wasThere && (rank < own || (rank === own && other.runId < model.runId));
  }
}
