/**
 * How long completed runs took, by workflow and by step: what estimates of the end, plans and overdue steps rest on.
 *
 * 1. In memory and bounded: the last durations of each, and the workflows that completed last when there are too many steps.
 * 2. A start reads the newest completed runs again, a few of each workflow, beside the work and one after the other; until then,
 *    and when it fails, there is simply less history.
 */
import type { Clock } from '../../core/clock.ts';
import { limits } from '../../core/limits.ts';
import type { Logger } from '../../core/logger.ts';
import type { RunState, Step } from '../engine/state.ts';
import type { RunRow, Store } from '../store/port.ts';
import { DurationSample } from './duration-sample.ts';
import type { Runs } from './runs.ts';

/** Of one workflow, whatever the version. */
export interface PastWorkflow {
  readonly whole: DurationSample;
  /** By the id of the step. */
  readonly steps: ReadonlyMap<string, PastStep>;
}

export interface PastStep {
  /** From ready to its end, waiting and retries included. */
  readonly took: DurationSample;
  /** Of the attempts that completed; agent steps only. */
  readonly attempts: DurationSample;
}

interface Kept extends PastWorkflow {
  readonly steps: Map<string, PastStep>;
  notedAt: number;
}

export interface PastRunsOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly store: Pick<Store, 'listRuns' | 'loadJournal'>;
  readonly runs: Pick<Runs, 'inspect'>;
  readonly logger: Logger;
  /** Completed runs that a start reads; 0: none. */
  readonly readMax: number;
}

/** This version has one. */
const NAMESPACE = 'default';
/** Rows that are looked at for them. */
const ROWS_MAX = 500;
const PER_WORKFLOW_MAX = 8;
/** A longer journal is not worth its reading: only how long the run took is noted. */
const EVENTS_MAX = 2_000;
/** A workflow with a full sample is noted at most so often: thousands of runs a second say nothing new. */
const NOTE_EVERY_MS = 100;

export class PastRuns {
  private readonly options: PastRunsOptions;
  /** The one that completed last stands last. */
  private readonly workflows = new Map<string, Kept>();
  private stepCount = 0;
  private isStopped = false;
  private loading: Promise<void> | undefined = undefined;

  constructor(options: PastRunsOptions) {
    this.options = options;
  }

  get isLoading(): boolean {
    return this.loading !== undefined;
  }

  of(namespace: string, workflow: string): PastWorkflow | undefined {
    return this.workflows.get(keyOf(namespace, workflow));
  }

  /** A run ended. Only what COMPLETED says how long it takes to complete. */
  note(state: RunState): void {
    if (state.status !== 'COMPLETED') return;
    const kept = this.keptOf(state.namespace, state.workflow.name);
    const now = this.options.clock.monotonic();
    if (kept.whole.isFull && now - kept.notedAt < NOTE_EVERY_MS) return;
    kept.notedAt = now;
    // Another try took over what was done: its own time says little of a whole run.
    if (state.retryOf === undefined && state.startedAt > 0) kept.whole.add(state.endedAt - state.startedAt);
    for (const step of state.root.steps) this.noteStep(kept, step);
    this.evict();
  }

  /** Reads what completed before this process began; never rejects. */
  load(): void {
    if (this.options.readMax === 0) return;
    this.loading = this.readAll()
      .catch((error: unknown) => {
        if (!this.isStopped) this.options.logger.warn('past runs could not be read; estimates begin anew', { error });
      })
      .finally(() => {
        this.loading = undefined;
      });
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await this.loading;
  }

  private async readAll(): Promise<void> {
    const query = { namespace: NAMESPACE, statuses: ['COMPLETED'], before: '', limit: ROWS_MAX } as const;
    const { runs } = await this.options.store.listRuns(query);
    // The oldest first, so that the newest stay.
    for (const row of chooseRuns(runs, this.options.readMax).reverse()) {
      if (this.isStopped) return;
      await this.read(row);
    }
  }

  private async read({ runId, namespace, workflow, queuedAt, endedAt }: RunRow): Promise<void> {
    const beyond = await this.options.store.loadJournal(runId, EVENTS_MAX, 1);
    if (beyond.length === 0) await this.options.runs.inspect(runId, (state) => this.note(state));
    else if (endedAt !== undefined) this.keptOf(namespace, workflow).whole.add(endedAt - queuedAt);
  }

  private keptOf(namespace: string, workflow: string): Kept {
    const key = keyOf(namespace, workflow);
    const kept = this.workflows.get(key) ?? { whole: new DurationSample(), steps: new Map(), notedAt: 0 };
    this.workflows.delete(key);
    this.workflows.set(key, kept);
    return kept;
  }

  private noteStep({ steps }: Kept, { node, readyAt, status, detail }: Step): void {
    if (status !== 'COMPLETED' || readyAt === 0 || detail === undefined || detail.takenOver !== undefined) return;
    let past = steps.get(node.id);
    if (past === undefined) {
      past = { took: new DurationSample(), attempts: new DurationSample() };
      steps.set(node.id, past);
      this.stepCount += 1;
    }
    past.took.add(detail.endedAt - readyAt);
    const last = detail.attempts.findLast(({ outcome }) => outcome === 'COMPLETED');
    if (last !== undefined) past.attempts.add(last.endedAt - last.startedAt);
  }

  private evict(): void {
    for (const [key, { steps }] of this.workflows) {
      if (this.workflows.size <= limits.pastWorkflowsMax && this.stepCount <= limits.pastStepsMax) return;
      this.workflows.delete(key);
      this.stepCount -= steps.size;
    }
  }
}

function keyOf(namespace: string, workflow: string): string {
  return `${namespace}/${workflow}`;
}

/** A few of each workflow, the newest first. */
function chooseRuns(rows: readonly RunRow[], max: number): RunRow[] {
  const counts = new Map<string, number>();
  const chosen: RunRow[] = [];
  for (const row of rows) {
    const count = counts.get(row.workflow) ?? 0;
    if (chosen.length === max) break;
    if (count === PER_WORKFLOW_MAX) continue;
    counts.set(row.workflow, count + 1);
    chosen.push(row);
  }
  return chosen;
}
