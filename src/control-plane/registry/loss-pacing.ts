/**
 * PURE: how fast work leaves instances that were lost (docs/protocol.md, "Many at once"). That many processes die in one
 * second is seldom; that the network between them and us does is not, and then their work goes on where it is.
 */
import type { HeldAttempt } from './instance.ts';

const SECOND_MS = 1_000;
/** Lost in one second, so many are believed at once, or this share of those that were connected. */
const LOSSES_BELIEVED = 3;
const SHARE_BELIEVED = 0.1;
/** Moved in one second after a window: this share of what is in flight, and no fewer than so many. */
const SHARE_MOVED = 0.1;
const MOVED_LEAST = 50;

/** Counts who is connected and who was lost in the last second. */
export class LossBudget {
  private connected = 0;
  private losses: number[] = [];

  joined(): void {
    this.connected += 1;
  }

  /** It left on purpose. */
  left(): void {
    this.connected -= 1;
  }

  /** True: its idempotent attempts go to others at once. False: too many were lost with it, and it has its window to return. */
  lost(at: number): boolean {
    if ((this.losses[0] ?? at) <= at - SECOND_MS) this.losses = this.losses.filter((past) => past > at - SECOND_MS);
    const before = this.connected + this.losses.length;
    this.connected -= 1;
    this.losses.push(at);
    return this.losses.length <= Math.max(LOSSES_BELIEVED, Math.floor(before * SHARE_BELIEVED));
  }
}

/** After their window attempts are moved at a pace that those who are left can take. */
export class LossPace {
  private room = 0;
  private filledAt = Number.NEGATIVE_INFINITY;

  /** The first of `attempts` that may be moved now. Fenced ones are with others already and take no room. */
  take(attempts: readonly HeldAttempt[], at: number, inFlight: () => number): readonly HeldAttempt[] {
    if (attempts.length === 0) return attempts;
    this.fill(at, inFlight);
    let count = 0;
    for (const { isFenced } of attempts) {
      if (!isFenced && this.room < 1) break;
      if (!isFenced) this.room -= 1;
      count += 1;
    }
    return attempts.slice(0, count);
  }

  private fill(at: number, inFlight: () => number): void {
    if (at === this.filledAt) return;
    const perSecond = Math.max(MOVED_LEAST, inFlight() * SHARE_MOVED);
    const sinceMs = Math.min(SECOND_MS, at - this.filledAt);
    this.filledAt = at;
    this.room = Math.min(perSecond, this.room + (perSecond * sinceMs) / SECOND_MS);
  }
}
