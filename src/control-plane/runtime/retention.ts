/** Finished runs, events of agents and entries of the audit log are deleted after the retention time, a few at a time, so that it is never in the way. */
import type { CancelTimer, Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { Store } from '../store/port.ts';

const INTERVAL_MS = 60_000;
const BATCH = 100;

export interface RetentionOptions {
  readonly clock: Clock;
  readonly store: Store;
  readonly logger: Logger;
  readonly onDeleted: () => void;
  /** 0: keep for ever. */
  readonly retentionMs: number;
}

export class Retention {
  private readonly options: RetentionOptions;
  private cancel: CancelTimer | undefined = undefined;
  private isStopped = false;
  private keepers = 0;
  private sweeping: Promise<void> = Promise.resolve();

  constructor(options: RetentionOptions) {
    this.options = options;
  }

  start(): void {
    if (this.options.retentionMs > 0) this.arm(INTERVAL_MS);
  }

  stop(): void {
    this.isStopped = true;
    this.cancel?.();
  }

  /** Nothing is deleted while `fn` runs: it takes over what a run has. */
  async whileKept<T>(fn: () => Promise<T>): Promise<T> {
    this.keepers += 1;
    try {
      await this.sweeping;
      return await fn();
    } finally {
      this.keepers -= 1;
    }
  }

  private arm(delayMs: number): void {
    if (!this.isStopped)
      this.cancel = this.options.clock.timer(delayMs, () => {
        if (this.keepers > 0) this.arm(INTERVAL_MS / 60);
        else this.sweeping = this.sweep();
      });
  }

  private async sweep(): Promise<void> {
    const { clock, store, logger, retentionMs } = this.options;
    try {
      const { runs, isMore } = await store.prune(clock.now() - retentionMs, BATCH);
      if (runs > 0) this.options.onDeleted();
      this.arm(isMore ? INTERVAL_MS / 60 : INTERVAL_MS);
    } catch (error) {
      logger.warn('old runs could not be deleted', { error });
      this.arm(INTERVAL_MS);
    }
  }
}
