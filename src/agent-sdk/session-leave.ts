/** The order of a clean leave: finish, then hand back, then Goodbye. Pure. */

/** Time for handlers to stop and for their results to be acknowledged, after the grace. */
const HAND_BACK_MS = 2_000;

/** FINISH: wait. HAND_BACK: tell what runs to stop. GO: say Goodbye and end. */
export type LeaveStep = 'FINISH' | 'HAND_BACK' | 'GO';

export class SessionLeave {
  reason = '';
  #handBackAt = Number.POSITIVE_INFINITY;
  #goAt = Number.POSITIVE_INFINITY;

  /** When time alone makes the next step. */
  get nextAt(): number {
    return Math.min(this.#handBackAt, this.#goAt);
  }

  /** False when the leave has begun before; a shorter grace then counts. */
  begin(reason: string, graceMs: number, now: number): boolean {
    const isFirst = this.#goAt === Number.POSITIVE_INFINITY;
    if (isFirst) this.reason = reason;
    const goAt = now + graceMs + HAND_BACK_MS;
    if (goAt < this.#goAt) {
      this.#handBackAt = now + graceMs;
      this.#goAt = goAt;
    }
    return isFirst;
  }

  advance(now: number, heldCount: number): LeaveStep {
    if (this.#goAt === Number.POSITIVE_INFINITY) return 'FINISH';
    if (heldCount === 0 || now >= this.#goAt) return 'GO';
    if (now < this.#handBackAt) return 'FINISH';
    this.#handBackAt = Number.POSITIVE_INFINITY;
    return 'HAND_BACK';
  }
}
