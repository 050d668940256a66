/**
 * Leaves out time in which nothing can happen. Beats and ticks go on for ever and change nothing while every agent is well;
 * when they did so for longer than any of their periods, only timers that are older or longer than that matter.
 */
import type { VirtualClock } from './virtual-clock.ts';

/** Beats come every 5 s, silence is judged after 15 s, a client's wait ends after 30 s, retention looks every 60 s. */
const PERIOD_MS_MAX = 60_000;

export class IdleWatch {
  readonly #clock: VirtualClock;
  readonly #signature: () => string | undefined;
  #last: string | undefined;
  #quietSince = 0;

  /** `signature`: undefined while time alone may change something, else a text that changes with everything that happens. */
  constructor(clock: VirtualClock, signature: () => string | undefined) {
    this.#clock = clock;
    this.#signature = signature;
  }

  async advance(ms: number): Promise<void> {
    let target = this.#clock.monotonic() + ms;
    this.#last = undefined;
    do target -= this.#skip(target);
    while (await this.#clock.step(target));
  }

  /** Answers how many milliseconds were left out. */
  #skip(target: number): number {
    const now = this.#clock.monotonic();
    const signature = this.#signature();
    if (signature === undefined || signature !== this.#last) {
      this.#last = signature;
      this.#quietSince = now;
      return 0;
    }
    if (now - this.#quietSince <= PERIOD_MS_MAX) return 0;
    const hum = { since: this.#quietSince, periodMsMax: PERIOD_MS_MAX };
    const until = Math.min(target, this.#clock.nextDue(hum) ?? target);
    const ms = Math.max(0, until - now);
    if (ms > 0) this.#clock.skip(ms, hum);
    return ms;
  }
}
