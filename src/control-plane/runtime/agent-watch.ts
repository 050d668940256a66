/** Tells readers that the fleet changed, at most four times a second. */
import type { Clock } from '../../core/clock.ts';

const INTERVAL_MS = 250;

export class AgentWatch {
  private readonly clock: Clock;
  private readonly listeners = new Set<() => void>();
  private isScheduled = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  changed(): void {
    if (this.isScheduled || this.listeners.size === 0) return;
    this.isScheduled = true;
    this.clock.timer(INTERVAL_MS, () => {
      this.isScheduled = false;
      for (const listener of [...this.listeners]) listener();
    });
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** What `read` gives, now and after every change. */
  async *follow<T>(read: () => T, signal: AbortSignal): AsyncGenerator<T> {
    let wake: (() => void) | undefined;
    let isChanged = true;
    const notify = (): void => {
      isChanged = true;
      wake?.();
    };
    const stop = this.onChange(notify);
    const onAbort = (): void => wake?.();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      while (!signal.aborted) {
        if (isChanged) {
          isChanged = false;
          yield read();
        } else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      stop();
      signal.removeEventListener('abort', onAbort);
    }
  }
}
