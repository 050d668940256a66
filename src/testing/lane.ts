/** One direction of a link: things arrive in the order in which they were sent, later when it is slow or held. */
import type { Clock } from '../core/clock.ts';

export class Lane {
  readonly #clock: Clock;
  #queue: { readonly at: number; readonly deliver: () => void }[] = [];
  #isScheduled = false;
  #isHeld = false;
  #isClosed = false;
  /** Milliseconds that everything sent from now on takes. */
  delayMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  send(deliver: () => void): void {
    if (this.#isClosed) return;
    this.#queue.push({ at: this.#clock.monotonic() + this.delayMs, deliver });
    this.#schedule();
  }

  /** Nothing arrives any more until `release`; nothing is lost. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.#schedule();
  }

  /** What is under way never arrives, and nothing is taken any more. */
  close(): void {
    this.#isClosed = true;
    this.#queue = [];
  }

  #schedule(): void {
    const [head] = this.#queue;
    if (head === undefined || this.#isScheduled || this.#isHeld) return;
    this.#isScheduled = true;
    const waitMs = head.at - this.#clock.monotonic();
    if (waitMs > 0) this.#clock.timer(waitMs, () => this.#drain());
    else this.#clock.turn(() => this.#drain());
  }

  #drain(): void {
    this.#isScheduled = false;
    for (let [head] = this.#queue; head !== undefined && !this.#isHeld; [head] = this.#queue) {
      if (head.at > this.#clock.monotonic()) break;
      this.#queue.shift();
      head.deliver();
    }
    this.#schedule();
  }
}
