/**
 * What the outgoing queue of a stream means for its agent. PURE but for its timers.
 *
 * What is queued stays in its order: an ack of a beat says that all before it was read, and a stop has to come after the
 * assignment that it ends. So nothing overtakes; the queue is kept short instead (ADR 28). Above the high mark nothing new is
 * wanted until it is below the low one: that is usual where inputs are large. An agent for which it lasts reads too slowly.
 */
import type { CancelTimer, Clock } from '../../core/clock.ts';
import { limits, times } from '../../core/limits.ts';

/** One mark alone would flap with each frame. */
const LOW_SHARE = 1 / 4;

export interface QueuePressureOptions {
  readonly clock: Clock;
  /** It is below the low mark again. Told in a microtask: whoever wrote may be in the middle of a commit. */
  readonly onRoom: () => void;
  /** It has been above for so long that the agent is behind; false: it was, and has caught up. */
  readonly onChange: (isBehind: boolean) => void;
  /** It was above for much too long. */
  readonly onStuck: () => void;
}

export class QueuePressure {
  private readonly options: QueuePressureOptions;
  /** It was above the high mark, and has not been below the low one since. */
  isHigh = false;
  private isBehind = false;
  private isTelling = false;
  private isOver = false;
  private cancel: CancelTimer | undefined;

  constructor(options: QueuePressureOptions) {
    this.options = options;
  }

  /** Call it whenever the number of queued bytes has changed. */
  measure(bytes: number): void {
    const isHigh = bytes > limits.aheadBytesMax * (this.isHigh ? LOW_SHARE : 1);
    if (this.isOver || isHigh === this.isHigh) return;
    this.isHigh = isHigh;
    this.cancel?.();
    if (isHigh) this.cancel = this.options.clock.timer(times.behindMs, () => this.fallBehind());
    else this.tellSoon();
  }

  /** The stream is ending. */
  end(): void {
    this.isOver = true;
    this.cancel?.();
  }

  private fallBehind(): void {
    this.cancel = this.options.clock.timer(times.overloadMs - times.behindMs, () => this.options.onStuck());
    if (this.isBehind) return;
    this.isBehind = true;
    this.options.onChange(true);
  }

  private tellSoon(): void {
    if (this.isTelling) return;
    this.isTelling = true;
    queueMicrotask(() => {
      this.isTelling = false;
      if (this.isOver || this.isHigh) return;
      if (this.isBehind) this.options.onChange(false);
      this.isBehind = false;
      this.options.onRoom();
    });
  }
}
