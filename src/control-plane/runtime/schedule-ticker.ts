/**
 * Starts the runs of the schedules when they tick.
 *
 * Invariants: 1. that a tick was handled is in the batch of its run, so that a crash leaves both or neither; 2. the request id of
 * the run is made of the schedule and the tick, so that a tick which comes again (the wall clock was set back) starts nothing.
 */
import { type CancelTimer, type Clock, formatTime } from '../../core/clock.ts';
import { toYardmasterError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { Metrics } from '../../core/metrics.ts';
import { encodeValue } from '../../core/value.ts';
import { isRunOver } from '../engine/status.ts';
import type { ScheduleKey, ScheduleRow, ScheduleTick, Store } from '../store/port.ts';
import type { StartRunRequest } from './control-plane.ts';
import { dueTicks } from './due-ticks.ts';
import type { Runs } from './runs.ts';
import type { ScheduleBook } from './schedule-book.ts';
import type { Starts } from './starts.ts';
import { isUndecided } from './undecided.ts';

/** After a start that could not be decided. */
const RETRY_MS = 1_000;

export interface ScheduleTickerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly store: Store;
  readonly book: ScheduleBook;
  readonly runs: Runs;
  readonly starts: Starts;
  /** False: the store is in trouble, or the control plane stops. */
  readonly mayStart: () => boolean;
}

export class ScheduleTicker {
  private readonly options: ScheduleTickerOptions;
  private cancel: CancelTimer | undefined = undefined;
  private armedFor = Number.POSITIVE_INFINITY;
  /** Not before this time, monotonic: something could not be decided. */
  private retryAt = Number.NEGATIVE_INFINITY;
  private isStarted = false;

  constructor(options: ScheduleTickerOptions) {
    this.options = options;
  }

  start(): void {
    this.isStarted = true;
    this.look();
  }

  stop(): void {
    this.isStarted = false;
    this.cancel?.();
  }

  /** When the next schedule ticks, wall ms. */
  nearest(): number | undefined {
    let nearest: number | undefined;
    for (const { row, nextAt } of this.options.book.all()) {
      if (nextAt === undefined || this.options.book.isTaken(row)) continue;
      if (nearest === undefined || nextAt < nearest) nearest = nextAt;
    }
    return nearest;
  }

  /** Called often: a wall clock that was set forward is noticed here, since no timer knows of it. */
  lookIfDue(): void {
    if (this.options.clock.now() >= this.armedFor) this.look();
  }

  /** Handles what is due, and waits for what comes next. */
  look(): void {
    if (!this.isStarted) return;
    const { book, clock } = this.options;
    if (!this.options.mayStart()) this.retryAt = clock.monotonic() + RETRY_MS;
    if (clock.monotonic() >= this.retryAt) {
      const now = clock.now();
      for (const { row, nextAt } of [...book.all()]) {
        if (nextAt === undefined || nextAt > now || book.isTaken(row)) continue;
        book.inTurn(row, () => this.handle(row)).catch((error) => this.tryLater(row, error));
      }
    }
    this.arm();
  }

  private arm(): void {
    const { clock } = this.options;
    this.cancel?.();
    this.cancel = undefined;
    this.armedFor = this.nearest() ?? Number.POSITIVE_INFINITY;
    if (this.armedFor === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.max(0, this.armedFor - clock.now(), this.retryAt - clock.monotonic());
    this.cancel = clock.timer(delayMs, () => this.look());
  }

  /** Throws when something could not be decided. */
  private async handle(key: ScheduleKey): Promise<void> {
    const { book, clock, metrics } = this.options;
    const row = book.find(key);
    if (row === undefined || row.isPaused || !this.isStarted) return;
    const { start, missed, newest } = dueTicks(row, clock.now());
    for (const at of start) await this.fire(key, at);
    if (missed > 0) metrics.scheduleTicked('MISSED', missed);
    if (start.length === 0 && newest !== undefined)
      await this.note(key, { at: newest, outcome: 'MISSED', errorCode: '' });
  }

  private tryLater({ name }: ScheduleKey, error: unknown): void {
    const { clock, logger } = this.options;
    this.retryAt = clock.monotonic() + RETRY_MS;
    logger.warn('a tick of a schedule could not be handled; it is tried again', { schedule: name, error });
  }

  /** Throws when it could not be decided. */
  private async fire(key: ScheduleKey, at: number): Promise<void> {
    const { book, metrics, logger } = this.options;
    const row = book.find(key);
    if (row === undefined || !this.isStarted) return;
    let tick: ScheduleTick = { at, outcome: 'STARTED', errorCode: '' };
    if (await this.isBlocked(row)) tick = { at, outcome: 'SKIPPED', errorCode: '' };
    else {
      try {
        await this.startRun(row, tick);
      } catch (thrown) {
        const error = toYardmasterError(thrown);
        if (isUndecided(error)) throw error;
        tick = { at, outcome: 'FAILED', errorCode: error.code };
        logger.warn('a tick of a schedule was refused its run', { schedule: row.name, error });
      }
    }
    if (tick.outcome !== 'STARTED') await this.note(key, tick);
    metrics.scheduleTicked(tick.outcome, 1);
  }

  /** True: the last run is open and this tick waits for it in vain. */
  private async isBlocked({ namespace, name, lastRunId, spec }: ScheduleRow): Promise<boolean> {
    if (spec.overlap === 'allow' || lastRunId === undefined) return false;
    const { store, runs } = this.options;
    const last = await store.getRun(namespace, lastRunId);
    if (last === undefined || isRunOver(last.status)) return false;
    if (spec.overlap === 'skip') return true;
    const reason = `schedule "${name}" starts its next run`;
    await runs.ask(lastRunId, { type: 'CancelRun', reason, onlyFirst: true });
    return false;
  }

  private async startRun(row: ScheduleRow, tick: ScheduleTick): Promise<void> {
    const { starts, book } = this.options;
    const after = (lastRunId: string): ScheduleRow => ({ ...row, seenAt: tick.at, lastTick: tick, lastRunId });
    const request = startRequest(row, {
      requestId: `schedule:${row.name}:${formatTime(tick.at)}`,
      labels: { 'scheduled-at': formatTime(tick.at) },
    });
    const started = await starts.start(request, { schedule: (runId) => ({ type: 'put', row: after(runId) }) });
    if (started.isRepeat === true) await book.write({ type: 'put', row: after(started.runId) });
    else book.took(after(started.runId));
  }

  private async note(key: ScheduleKey, tick: ScheduleTick): Promise<void> {
    const row = this.options.book.find(key);
    if (row !== undefined)
      await this.options.book.write({ type: 'put', row: { ...row, seenAt: tick.at, lastTick: tick } });
  }
}

/** What a schedule starts. */
export function startRequest(
  { namespace, name, spec }: ScheduleRow,
  asked: Pick<StartRunRequest, 'requestId' | 'labels' | 'caller'>,
): StartRunRequest {
  return {
    namespace,
    workflow: spec.workflow,
    version: spec.version,
    parameters: encodeValue(spec.parameters),
    priority: spec.priority,
    ...asked,
    labels: { ...spec.labels, schedule: name, ...asked.labels },
  };
}
