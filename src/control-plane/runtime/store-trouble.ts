/**
 * A commit failed. Nothing was answered yet: staged state is dropped, the store is reopened (once a second until it works), and
 * everything is decided again on what is really there.
 */
import type { Alerts } from '../../core/alerts.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { Store, StoreError } from '../store/port.ts';
import type { StagedBatch } from './staged-batch.ts';

const RETRY_MS = 1_000;

export interface StoreTroubleOptions {
  readonly alerts: Alerts;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: Store;
  readonly onMended: (batches: readonly StagedBatch[], error: StoreError) => void;
  readonly onFatal: (error: Error) => void;
  readonly onChange: () => void;
}

export class StoreTrouble {
  isUsable = true;
  private readonly options: StoreTroubleOptions;
  private repeats = 0;
  private lastAt = Number.NEGATIVE_INFINITY;

  constructor(options: StoreTroubleOptions) {
    this.options = options;
  }

  handle(batches: readonly StagedBatch[], error: StoreError): void {
    const { logger, clock } = this.options;
    if (error.kind === 'FENCED' || error.kind === 'CLOSED') {
      this.isUsable = false;
      logger.error('the store no longer belongs to this process', { error });
      this.options.onFatal(error);
      return;
    }
    const at = clock.monotonic();
    this.repeats = at - this.lastAt < RETRY_MS * 5 ? this.repeats + 1 : 0;
    this.lastAt = at;
    this.setUsable(false);
    logger.warn('a commit failed; it is decided again', { kind: error.kind, error });
    this.mend(batches, error, this.repeats === 0 ? 0 : RETRY_MS);
  }

  private mend(batches: readonly StagedBatch[], error: StoreError, delayMs: number): void {
    this.options.clock.timer(delayMs, () => {
      this.options.store.reopen().then(
        () => {
          this.setUsable(true);
          this.options.onMended(batches, error);
        },
        (cause) => {
          this.options.logger.warn('the store could not be reopened; it is tried again', { error: cause });
          this.mend(batches, error, RETRY_MS);
        },
      );
    });
  }

  private setUsable(isUsable: boolean): void {
    if (this.isUsable === isUsable) return;
    this.isUsable = isUsable;
    const message = isUsable ? 'the store works again' : 'the store fails: nothing can be decided until it works again';
    this.options.alerts.raise({
      kind: isUsable ? 'storeMended' : 'storeFailing',
      subject: 'store',
      message,
      facts: {},
    });
    this.options.onChange();
  }
}
