/** What is told of runs: one with all that is known of it now, pages of them, when one will end, why a step of one waits. */
import type { Clock } from '../../core/clock.ts';
import { copyState } from '../engine/copy-state.ts';
import { findStep } from '../engine/frames.ts';
import { type RunState, shownStatus } from '../engine/state.ts';
import { isRunOver } from '../engine/status.ts';
import type { Fleet } from '../registry/fleet.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { RunPage, RunQuery, RunRow, Store } from '../store/port.ts';
import type { Admission } from './admission.ts';
import { callersOf, tellCallers } from './call-wait.ts';
import type { ListedRuns, RunView, RunWait, StepExplanation } from './control-plane.ts';
import type { EndedRun, EndedRuns } from './ended-runs.ts';
import { estimateEnd } from './estimate.ts';
import { factsOfGone, outputFactsOf } from './output-facts.ts';
import type { OutputFacts } from './output-watch.ts';
import type { PastRuns } from './past-runs.ts';
import { type RunFinder, runNotFound } from './run-finder.ts';
import type { RunHolder } from './run-holder.ts';
import type { Runs } from './runs.ts';
import { waitOf, waitOfQueued } from './step-wait.ts';
import { currentRow, listStuck } from './stuck-runs.ts';
import type { StuckWatch } from './stuck-watch.ts';
import { stepNotFound } from './unknown-step.ts';
import { viewWaits, waitFacts } from './views.ts';
import type { WatchHub } from './watch.ts';

export interface RunViewsOptions {
  readonly clock: Clock;
  readonly store: Store;
  readonly fleet: Fleet;
  readonly scheduler: Scheduler;
  readonly runs: Runs;
  readonly admission: Pick<Admission, 'placeOf'>;
  readonly ended: EndedRuns;
  readonly past: PastRuns;
  readonly stuck: StuckWatch;
  readonly watch: WatchHub;
}

export class RunViews {
  private readonly options: RunViewsOptions;
  private readonly finder: RunFinder;

  constructor(options: RunViewsOptions, finder: RunFinder) {
    this.options = options;
    this.finder = finder;
  }

  async get(namespace: string, runId: string, wait?: RunWait): Promise<RunView> {
    const row = await this.finder.find(namespace, runId);
    if (wait !== undefined && !isRunOver(row.status)) await this.waitForEnd(row, wait);
    const ended = this.options.ended.find(namespace, row.runId);
    if (ended !== undefined) return viewOfEnded(ended);
    const view = await this.options.runs.inspect(row.runId, (state, holder) => this.viewOf(row, state, holder));
    if (view === undefined) throw runNotFound(runId);
    return view;
  }

  async list(query: RunQuery): Promise<ListedRuns> {
    const page = await this.findRuns(query);
    return {
      ...page,
      runs: page.runs.map((row) => (row.status === 'QUEUED' ? { ...row, ...this.queueOf(row) } : row)),
    };
  }

  estimateEnd(runId: string): number | undefined {
    const { runs, past, clock } = this.options;
    const state = runs.peek(runId)?.state;
    if (state === undefined) return undefined;
    return estimateEnd(state, past.of(state.namespace, state.workflow.name), clock.now());
  }

  async explain(namespace: string, runId: string, path: string): Promise<StepExplanation> {
    const row = await this.finder.find(namespace, runId);
    const seen = await this.options.runs.inspect(row.runId, (state) => this.explanationOf(row, state, path));
    if (seen === undefined) throw runNotFound(runId);
    return seen;
  }

  /** Throws RUN_NOT_FOUND, STEP_NOT_FOUND and NO_OUTPUT. */
  async outputFacts(namespace: string, runId: string, path: string): Promise<OutputFacts> {
    const row = await this.finder.find(namespace, runId);
    const ended = this.options.ended.find(namespace, row.runId);
    const look = (state: RunState) => ({ state, facts: outputFactsOf(state, path) });
    const seen = ended === undefined ? await this.options.runs.inspect(row.runId, look) : look(ended.state);
    if (seen === undefined) throw runNotFound(runId);
    return seen.facts ?? factsOfGone(seen.state, path, await this.options.store.findLastOutput(row.runId, path));
  }

  private findRuns(query: RunQuery): Promise<RunPage> {
    const { store, runs, stuck } = this.options;
    if (query.stuck !== true) return store.listRuns(query);
    return listStuck(
      query,
      stuck.stuckRuns(),
      async (runId) => currentRow(runs.peek(runId)) ?? store.getRun(query.namespace, runId),
    );
  }

  private waitForEnd(row: RunRow, wait: RunWait): Promise<void> {
    const { runId } = row;
    return new Promise((resolve) => {
      const finish = (): void => {
        forget();
        cancel();
        wait.signal.removeEventListener('abort', finish);
        resolve();
      };
      const forget = this.options.watch.onceOver(runId, finish);
      const cancel = this.options.clock.timer(wait.ms, finish);
      wait.signal.addEventListener('abort', finish, { once: true });
      // A run that ended after its row was read is no longer held in memory, as one that waits for its turn is not.
      const isOpen = this.options.runs.peek(runId) !== undefined || this.options.admission.placeOf(row) !== undefined;
      if (wait.signal.aborted || !isOpen) finish();
    });
  }

  private viewOf(row: RunRow, state: RunState, holder: RunHolder): RunView {
    const isOver = isRunOver(state.status);
    const past = this.options.past.of(state.namespace, state.workflow.name);
    return {
      row: {
        ...row,
        status: state.status,
        endedAt: isOver ? state.endedAt : undefined,
        failureCode: state.failure?.code,
      },
      state: isOver && this.options.runs.peek(row.runId) === undefined ? state : copyState(state),
      progress: new Map(holder.progress),
      usage: new Map(holder.usage),
      waits: isOver ? new Map() : viewWaits(state, this.sight()),
      estimatedEndAt: estimateEnd(state, past, this.options.clock.now()),
      usualMs: (stepId) => (isOver ? undefined : past?.steps.get(stepId)?.took.median()),
      stuck: isOver ? undefined : this.options.stuck.incidentOf(row.runId, state),
      ...(state.status === 'QUEUED' ? this.queueOf(row) : {}),
    };
  }

  private queueOf(row: RunRow): Pick<RunView, 'queue'> {
    const queue = this.options.admission.placeOf(row);
    return queue === undefined ? {} : { queue };
  }

  private explanationOf(row: RunRow, state: RunState, path: string): StepExplanation {
    const step = findStep(state, path);
    if (step === undefined) throw stepNotFound(state, path);
    const { runId } = state;
    const explanation = this.options.scheduler.explain(runId, path, this.options.clock.monotonic());
    if (state.status === 'QUEUED') {
      const wait = waitOfQueued(row, this.options.admission.placeOf(row));
      return { runId, path, status: shownStatus(step), wait, explanation };
    }
    const facts = { ...waitFacts(this.sight(), runId, path), explain: () => explanation };
    const explained = { runId, path, status: shownStatus(step), wait: waitOf(state, step, facts), explanation };
    if (state.parent === undefined) return explained;
    return tellCallers(
      explained,
      callersOf(state, (id) => this.options.runs.peek(id)?.state),
    );
  }

  private sight() {
    const { fleet, scheduler, clock } = this.options;
    return { fleet, scheduler, monotonic: clock.monotonic() };
  }
}

function viewOfEnded({ row, state }: EndedRun): RunView {
  return {
    row: { ...row, status: state.status, endedAt: state.endedAt, failureCode: state.failure?.code },
    state,
    progress: new Map(),
    usage: new Map(),
    waits: new Map(),
    estimatedEndAt: undefined,
    usualMs: () => undefined,
    stuck: undefined,
  };
}
