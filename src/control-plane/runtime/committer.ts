/**
 * Group commit, pipelined: while one batch is being written the next one fills. When the writer is idle a batch goes at
 * the end of the turn; else as soon as the writer is free. Nothing leaves the process before its batch is durable.
 */
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { Metrics } from '../../core/metrics.ts';
import { type Store, StoreError } from '../store/port.ts';
import { StagedBatch } from './staged-batch.ts';

export interface CommitterOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly epoch: number;
  /** Lets the scheduler assign: its leases join the batch that is about to be sealed. */
  readonly beforeSeal: () => void;
  /** All effects of a batch ran: what they collected for the streams goes out now. */
  readonly afterEffects: () => void;
  /** A batch failed: everything in these batches is undone in memory and decided again. */
  readonly onFailed: (batches: readonly StagedBatch[], error: StoreError) => void;
}

/**
 * About thirty steps: worth a commit of its own before the turn is over. Otherwise the steps of many runs that were answered
 * together stay together, and agents, writer and this thread wait for each other in turn.
 */
const EARLY_EVENTS = 128;

export class Committer {
  current = new StagedBatch();
  private inFlight: StagedBatch | undefined = undefined;
  /** Batches that are as large as one may be and wait for the writer, the oldest first; `current` follows them. */
  private full: StagedBatch[] = [];
  private isScheduled = false;
  private isFlushing = false;
  private isHalted = false;
  /** A batch failed, and the store is not mended yet. */
  isMending = false;
  /** Batches that failed so far: what was chosen before the latest was chosen on what is no longer true. */
  failures = 0;
  private readonly options: CommitterOptions;
  private idleWaiters: (() => void)[] = [];
  private mendedWaiters: (() => void)[] = [];

  constructor(options: CommitterOptions) {
    this.options = options;
  }

  /** False: what is staged now waits for the store to be mended, or for ever. */
  get isWriting(): boolean {
    return !this.isHalted && !this.isMending;
  }

  get isBusy(): boolean {
    return this.inFlight !== undefined || this.isScheduled || !this.current.isEmpty || this.full.length > 0;
  }

  /** Something was staged, or may be assigned: see to it that a flush comes. */
  kick(): void {
    if (this.isHalted || this.isMending) return;
    if (this.inFlight !== undefined) return this.setAside();
    // Much was staged in this turn: the writer begins with it while the rest is decided.
    if (this.current.eventCount >= EARLY_EVENTS && !this.isFlushing) return this.flush();
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.options.clock.turn(() => {
      this.isScheduled = false;
      this.flush();
    });
  }

  /**
   * Resolves when everything staged so far is durable (true), or was undone (false). While the store is being mended nothing
   * can be said: then it resolves after that, with false.
   */
  barrier(): Promise<boolean> {
    if (this.isMending) return new Promise((resolve) => this.mendedWaiters.push(() => resolve(false)));
    const batch = this.current.isEmpty ? (this.full.at(-1) ?? this.inFlight) : this.current;
    if (batch === undefined) return Promise.resolve(true);
    const settled = new Promise<boolean>((resolve) => batch.onSettled.push(resolve));
    this.kick();
    return settled;
  }

  /** The bytes of a blob that is not durable yet. */
  findBlob(runId: string, blobId: string): Uint8Array | undefined {
    for (const batch of [this.current, ...this.full.toReversed()]) {
      const bytes = batch.findBlob(runId, blobId);
      if (bytes !== undefined) return bytes;
    }
    return this.inFlight?.findBlob(runId, blobId);
  }

  /** Resolves when nothing is staged and nothing is being written. */
  async idle(): Promise<void> {
    while (this.isBusy) {
      await new Promise<void>((resolve) => this.idleWaiters.push(resolve));
    }
  }

  /** No more flushes: the process ends. */
  halt(): void {
    this.isHalted = true;
  }

  /** The store is mended. */
  resume(): void {
    this.isMending = false;
    const waiters = this.mendedWaiters;
    this.mendedWaiters = [];
    for (const waiter of waiters) waiter();
    this.kick();
  }

  private flush(): void {
    if (this.inFlight !== undefined || this.isHalted || this.isMending) return;
    const batch = this.full.shift() ?? this.takeCurrent();
    if (batch.isEmpty) return this.wakeIdle();
    this.inFlight = batch;
    this.write(batch);
  }

  private takeCurrent(): StagedBatch {
    this.isFlushing = true;
    this.options.beforeSeal();
    this.isFlushing = false;
    const batch = this.current;
    if (!batch.isEmpty) this.current = new StagedBatch();
    return batch;
  }

  /** The writer is busy: what is staged from now on goes into another commit, if this one has enough. */
  private setAside(): void {
    if (!this.current.isFull) return;
    this.full.push(this.current);
    this.current = new StagedBatch();
  }

  private write(batch: StagedBatch): void {
    const { clock, store, epoch } = this.options;
    const startedAt = clock.monotonic();
    const sealed = batch.seal(epoch);
    const hasRows = sealed.journal.length + sealed.runs.length + sealed.tasks.length + sealed.tasksDeleted.length > 0;
    const { checkpoints, blobs, outputs, agentEvents, audit, schedules, agentLabels } = sealed;
    const others = [checkpoints, blobs, outputs, agentEvents, audit, schedules, agentLabels];
    const extras = others.reduce((sum, rows) => sum + rows.length, 0);
    if (!hasRows && extras === 0) {
      this.done(batch, 0);
      return;
    }
    store.commit(sealed).then(
      () => this.done(batch, clock.monotonic() - startedAt),
      (error) => this.failed(batch, error),
    );
    for (const preparation of batch.preparations) this.guard(preparation);
  }

  private done(batch: StagedBatch, durationMs: number): void {
    this.inFlight = undefined;
    this.flush();
    this.options.metrics.committed(durationMs, batch.eventCount, batch.blobBytes);
    for (const effect of batch.effects) this.guard(effect);
    this.guard(this.options.afterEffects);
    for (const settled of batch.onSettled) settled(true);
    if (this.inFlight === undefined) this.wakeIdle();
  }

  private guard(effect: () => void): void {
    try {
      effect();
    } catch (error) {
      this.options.logger.error('an effect of a commit failed', { error });
    }
  }

  private failed(batch: StagedBatch, error: unknown): void {
    const undone = [batch, ...this.full, this.current];
    this.full = [];
    this.current = new StagedBatch();
    this.inFlight = undefined;
    this.isMending = true;
    this.failures += 1;
    this.options.metrics.commitFailed();
    for (const settled of undone.flatMap(({ onSettled }) => onSettled)) settled(false);
    const known = error instanceof StoreError ? error : new StoreError('UNCLEAR', String(error), error);
    this.options.onFailed(
      undone.filter((one) => one === batch || !one.isEmpty),
      known,
    );
  }

  private wakeIdle(): void {
    const waiters = this.idleWaiters;
    this.idleWaiters = [];
    for (const waiter of waiters) waiter();
  }
}
