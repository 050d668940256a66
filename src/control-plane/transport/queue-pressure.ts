/**
 * Whether the outgoing queue of a stream is too full for new work. PURE but for its timer.
 *
 * What is queued stays in its order: an ack of a beat says that all before it was read, and a stop has to come after the
 * assignment that it ends. So nothing overtakes; instead the last half of the queue is kept free for stops and acks.
 */
import type { CancelTimer, Clock } from '../../core/clock.ts';
import { limits, times } from '../../core/limits.ts';

/** Above it no assignments are wanted, and below the other they are again: one alone would flap with each frame. */
const HIGH_SHARE = 1 / 2;
const LOW_SHARE = 1 / 8;

export interface QueuePressureOptions {
  readonly clock: Clock;
  /** Told in a microtask: whoever fills the queue may be in the middle of a commit. */
  readonly onChange: (isHigh: boolean) => void;
  /** It was high for too long without a pause. */
  readonly onStuck: () => void;
}

export class QueuePressure {
  private readonly options: QueuePressureOptions;
  private isHigh = false;
  private told = false;
  private isTelling = false;
  private isOver = false;
  private cancel: CancelTimer | undefined;

  constructor(options: QueuePressureOptions) {
    this.options = options;
  }

  /** Call it whenever the number of queued bytes has changed. */
  measure(bytes: number): void {
    const isHigh = bytes > limits.streamQueueBytesMax * (this.isHigh ? LOW_SHARE : HIGH_SHARE);
    if (this.isOver || isHigh === this.isHigh) return;
    this.isHigh = isHigh;
    this.cancel?.();
    this.cancel = isHigh ? this.options.clock.timer(times.overloadMs, () => this.options.onStuck()) : undefined;
    this.tellSoon();
  }

  /** The stream is ending. */
  end(): void {
    this.isOver = true;
    this.cancel?.();
  }

  private tellSoon(): void {
    if (this.isTelling) return;
    this.isTelling = true;
    queueMicrotask(() => {
      this.isTelling = false;
      if (this.isOver || this.told === this.isHigh) return;
      this.told = this.isHigh;
      this.options.onChange(this.isHigh);
    });
  }
}
