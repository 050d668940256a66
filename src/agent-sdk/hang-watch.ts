/** Knows when the handlers' thread stopped answering. Pure. */

/** Time between pings, and without an answer until the thread counts as hung (design: protocol.md section 3). */
const PING_MS = 5_000;
const HUNG_MS = 60_000;

export type HangStep =
  | { readonly type: 'ping'; readonly number: number }
  /** Told once per hang. */
  | { readonly type: 'hung'; readonly silentMs: number };

export class HangWatch {
  static readonly intervalMs = PING_MS;
  #answeredAt: number;
  #lookedAt: number;
  #number = 0;
  #isHung = false;

  constructor(now: number) {
    this.#answeredAt = now;
    this.#lookedAt = now;
  }

  /** Call it every `intervalMs`. A standstill of this thread, too, is not held against the other one. */
  look(now: number): readonly HangStep[] {
    const lateMs = Math.max(0, now - this.#lookedAt - 2 * PING_MS);
    this.#lookedAt = now;
    this.#answeredAt = Math.min(now, this.#answeredAt + lateMs);
    const silentMs = now - this.#answeredAt;
    const ping: HangStep = { type: 'ping', number: ++this.#number };
    if (this.#isHung || silentMs < HUNG_MS) return [ping];
    this.#isHung = true;
    return [{ type: 'hung', silentMs }, ping];
  }

  /** True when the thread was hung and is back. An old answer counts as well: it shows that the thread turns. */
  answer(now: number): boolean {
    const wasHung = this.#isHung;
    this.#answeredAt = now;
    this.#isHung = false;
    return wasHung;
  }
}
