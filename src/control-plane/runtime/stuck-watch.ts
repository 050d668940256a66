/**
 * Looks at every open run now and then, and tells each incident once: an alert, a counter and a line of the log.
 *
 * 1. Looks ride on the tick of the registry, a bounded number of steps each: however many runs are open, nobody waits for a look.
 * 2. Incidents are in memory. A new process finds those that last again, and tells them again, with the same facts.
 * 3. A run whose state was not read since the start is read once in a long while, a few in a look: what its tasks wait for may
 *    never come.
 */
import type { Alerts } from '../../core/alerts.ts';
import type { Clock } from '../../core/clock.ts';
import { formatAttemptId } from '../../core/ids.ts';
import type { Logger } from '../../core/logger.ts';
import type { Metrics } from '../../core/metrics.ts';
import { liveSteps } from '../engine/frames.ts';
import type { AgentStep, RunState } from '../engine/state.ts';
import { isRunOver } from '../engine/status.ts';
import type { Fleet } from '../registry/fleet.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { PastRuns } from './past-runs.ts';
import type { RunHolder } from './run-holder.ts';
import type { Runs } from './runs.ts';
import { isAble } from './step-wait.ts';
import { findIncidents, type Incident, type StuckFacts, type StuckThresholds } from './stuck.ts';
import type { Timers } from './timers.ts';

export interface StuckWatchOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly alerts: Alerts;
  readonly runs: Runs;
  readonly fleet: Fleet;
  readonly scheduler: Scheduler;
  readonly past: PastRuns;
  readonly classOf: Dispatcher['classOf'];
  readonly timers: Pick<Timers, 'heldUntil'>;
  readonly thresholds: StuckThresholds;
}

const LOOK_EVERY_MS = 5_000;
/** Of one look: some milliseconds. */
const STEPS_MAX = 20_000;
const READS_MAX = 5;
const TAKERS_MAX = 1_000;

export class StuckWatch {
  private readonly options: StuckWatchOptions;
  /** By run, then by key. */
  private readonly incidents = new Map<string, ReadonlyMap<string, Incident>>();
  /** Of this round; looked at from the end. */
  private left: string[] = [];
  private readonly startedAt: number;
  private readonly startedMonotonic: number;
  private lookedAt: number;
  /** When a run that is not in memory was read, wall ms. */
  private readonly readAt = new Map<string, number>();
  private reading = 0;
  /** By the key of a class: whether some instance could take its steps at that time, wall ms. */
  private readonly takers = new Map<string, { readonly at: number; readonly isThere: boolean }>();

  constructor(options: StuckWatchOptions) {
    this.options = options;
    this.startedAt = options.clock.now();
    this.startedMonotonic = options.clock.monotonic();
    this.lookedAt = this.startedAt;
  }

  get isBusy(): boolean {
    return this.reading > 0;
  }

  lookIfDue(): void {
    const now = this.options.clock.now();
    // Either way: somebody may have set the clock back.
    if (Math.abs(now - this.lookedAt) < LOOK_EVERY_MS) return;
    this.lookedAt = now;
    this.look(now);
  }

  /** Open runs that are stuck now, newest first. */
  stuckRuns(): readonly string[] {
    const found = [...this.incidents.keys()].filter((runId) => this.incidentOf(runId) !== undefined);
    return found.sort().reverse();
  }

  /** How many; as of the last looks. */
  get count(): number {
    return this.incidents.size;
  }

  /**
   * The worst incident of a run as it is now; undefined: it goes on, or is over. `seen`: its state, where memory has none. Whoever
   * asks ends an incident, and finds none: between a set wall clock and the next tick, what is due has not had its turn.
   */
  incidentOf(runId: string, seen?: RunState): Incident | undefined {
    const holder = this.options.runs.peek(runId);
    const state = holder?.state ?? seen;
    if (holder === undefined) this.forget(runId);
    else if (state !== undefined && !holder.isBusy && this.incidents.has(runId)) this.judge(holder, state);
    const [worst] = this.incidents.get(runId)?.values() ?? [];
    return worst;
  }

  private look(now: number): void {
    if (this.left.length === 0) this.left = [...this.options.runs.openIds(), ...this.incidents.keys()];
    let reads = 0;
    for (let steps = 0; steps < STEPS_MAX; ) {
      const runId = this.left.pop();
      if (runId === undefined) return;
      const holder = this.options.runs.peek(runId);
      if (holder === undefined) this.forget(runId);
      else if (holder.isBusy) continue;
      else if (holder.state !== undefined) {
        this.judge(holder, holder.state);
        steps += liveSteps(holder.state).length;
      } else if (reads < READS_MAX && this.mayRead(runId, now)) {
        reads += 1;
        void this.read(holder, now);
      }
    }
  }

  private forget(runId: string): void {
    this.incidents.delete(runId);
    this.readAt.delete(runId);
  }

  /** A run that nothing happened to since the start can only lack an agent. */
  private mayRead(runId: string, now: number): boolean {
    const { noAgentMs } = this.options.thresholds;
    return noAgentMs > 0 && now - (this.readAt.get(runId) ?? this.startedAt) >= noAgentMs;
  }

  private async read(holder: RunHolder, now: number): Promise<void> {
    this.readAt.set(holder.runId, now);
    this.reading += 1;
    try {
      await this.options.runs.inspect(holder.runId, (state) => this.judge(holder, state));
    } catch (error) {
      this.options.logger.warn('a run could not be looked at', { run: holder.runId, error });
    } finally {
      this.reading -= 1;
    }
  }

  private judge(holder: RunHolder, state: RunState): void {
    const { runId } = holder;
    const known = this.incidents.get(runId);
    const found = isRunOver(state.status)
      ? []
      : findIncidents(state, this.factsOf(holder, state), this.options.thresholds);
    for (const incident of found) if (known?.has(incident.key) !== true) this.tell(state, incident);
    if (found.length > 0) this.incidents.set(runId, new Map(found.map((incident) => [incident.key, incident])));
    else if (this.incidents.delete(runId)) this.options.logger.info('a run that was stuck goes on', { run: runId });
  }

  private factsOf(holder: RunHolder, state: RunState): StuckFacts {
    const { clock, timers, scheduler, fleet, past } = this.options;
    const { runId, namespace, workflow } = state;
    return {
      now: clock.now(),
      // What came due while timers were held has not had its turn.
      stillMs: clock.monotonic() - Math.max(holder.movedAt, this.startedMonotonic, timers.heldUntil),
      past: past.of(namespace, workflow.name),
      isQueued: (path) => scheduler.isWaiting(runId, path),
      canBeTaken: (step) => this.canBeTaken(state, step),
      isHeld: (path, { number, instanceId }) =>
        fleet.instances.get(instanceId)?.held.has(formatAttemptId({ runId, path, number })) === true,
    };
  }

  /** Asked once in a look for all steps that ask for the same. */
  private canBeTaken(state: RunState, { node }: AgentStep): boolean {
    const { clock, scheduler, classOf } = this.options;
    const { stepClass, key } = classOf(state, node);
    const known = this.takers.get(key);
    if (known !== undefined && known.at === clock.now()) return known.isThere;
    const isThere = scheduler.candidates(stepClass, [], clock.monotonic()).some(isAble);
    if (this.takers.size >= TAKERS_MAX) this.takers.clear();
    this.takers.set(key, { at: clock.now(), isThere });
    return isThere;
  }

  private tell({ runId, workflow }: RunState, { reason, path, number, agentId, message, next }: Incident): void {
    const { logger, metrics, alerts } = this.options;
    const facts = {
      run: runId,
      workflow: workflow.name,
      reason,
      step: path,
      attempt: number === 0 ? '' : String(number),
      agent: agentId,
    };
    logger.warn('a run is stuck', { ...facts, detail: message });
    metrics.runStuck(reason);
    alerts.raise({
      kind: 'stuck',
      subject: `${workflow.name} ${reason} ${path}`.trim(),
      message: `run ${runId} of "${workflow.name}" is stuck: ${message}. next: ${next}`,
      facts,
    });
  }
}
