/**
 * Knows when an attempt must stop by the agent's own clock: its time is over, or contact was lost for too long. Pure.
 *
 * `nextAt` is a lower bound: an answered beat only moves a deadline away, so most of the time nothing is searched.
 */
import { times } from '../core/limits.ts';
import type { HeldAttempt, HeldAttempts } from './held-attempts.ts';
import type { StopCause } from './news.ts';

/** The control plane times an attempt out first, if it can be heard. */
const TIMEOUT_SLACK_MS = 1_000;

export class StopWatch {
  readonly #held: HeldAttempts;
  #provenAt = 0;
  #lossWindowMs: number = times.lossWindowMs;
  nextAt = Number.POSITIVE_INFINITY;

  constructor(held: HeldAttempts) {
    this.#held = held;
  }

  /** The control plane has answered a frame that was sent at `sentAt`. */
  prove(sentAt: number, lossWindowMs: number): void {
    this.#provenAt = Math.max(this.#provenAt, sentAt);
    if (lossWindowMs === this.#lossWindowMs) return;
    this.#lossWindowMs = lossWindowMs;
    this.nextAt = this.#soonest();
  }

  /** Contact has been lost for too long already: the control plane may have given the attempt away. */
  isLost(attempt: HeldAttempt, now: number): boolean {
    const { at, cause } = this.#deadlineOf(attempt);
    return cause === 'CONTACT_LOST' && at <= now;
  }

  watch(attempt: HeldAttempt): void {
    this.nextAt = Math.min(this.nextAt, this.#deadlineOf(attempt).at);
  }

  /** The attempts that must stop now. */
  judge(now: number): readonly { readonly id: string; readonly cause: StopCause }[] {
    if (now < this.nextAt) return [];
    const late: { id: string; cause: StopCause }[] = [];
    let nextAt = Number.POSITIVE_INFINITY;
    for (const attempt of this.#held.unfinished()) {
      if (attempt.stopCause !== undefined) continue;
      const { at, cause } = this.#deadlineOf(attempt);
      if (at <= now) late.push({ id: attempt.id, cause });
      else nextAt = Math.min(nextAt, at);
    }
    this.nextAt = nextAt;
    return late;
  }

  #deadlineOf(attempt: HeldAttempt): { readonly at: number; readonly cause: StopCause } {
    const timeoutAt = attempt.timeoutAt + TIMEOUT_SLACK_MS;
    if (attempt.idempotent) return { at: timeoutAt, cause: 'TIMEOUT' };
    const windowMs = attempt.lossWindowMs === 0 ? this.#lossWindowMs : attempt.lossWindowMs;
    const contactAt = this.#provenAt + windowMs * times.lossWindowAgentShare;
    return contactAt <= timeoutAt ? { at: contactAt, cause: 'CONTACT_LOST' } : { at: timeoutAt, cause: 'TIMEOUT' };
  }

  #soonest(): number {
    let at = Number.POSITIVE_INFINITY;
    for (const attempt of this.#held.unfinished()) at = Math.min(at, this.#deadlineOf(attempt).at);
    return at;
  }
}
