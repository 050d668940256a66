/**
 * Registry time: monotonic milliseconds less our own stalls. After a gap of our loop (GC, SIGSTOP, a slow disk) nobody is
 * judged before the sockets were read, and windows are longer by the gap.
 */
import type { CancelTimer, Clock } from '../../core/clock.ts';

const TICK_MS = 250;
/** A tick that comes this much late is a stall, not jitter. */
const STALL_MS = 500;
/** Wall time that moves this much more or less than monotonic time from one tick to the next was set, not slewed. */
const STEP_MS = 1_000;

export interface StallGuardEvents {
  readonly onTick: () => void;
  readonly onStall: (gapMs: number) => void;
  /** Somebody set the wall clock, forward or (negative) back. */
  readonly onStep: (byMs: number) => void;
}

export class StallGuard {
  private readonly clock: Clock;
  private readonly onTick: () => void;
  private readonly onStall: (gapMs: number) => void;
  private readonly onStep: (byMs: number) => void;
  private stalledMs = 0;
  private lastTickAt: number;
  /** Wall time less monotonic time. */
  private wallAhead: number;
  private cancel: CancelTimer | undefined = undefined;
  private isStopped = false;

  constructor(clock: Clock, { onTick, onStall, onStep }: StallGuardEvents) {
    this.clock = clock;
    this.onTick = onTick;
    this.onStall = onStall;
    this.onStep = onStep;
    this.lastTickAt = clock.monotonic();
    this.wallAhead = clock.now() - this.lastTickAt;
  }

  /** Registry time now. While a tick is overdue by a stall, time stands still at the last one. */
  now(): number {
    const at = this.clock.monotonic();
    const sinceTick = at - this.lastTickAt;
    return (sinceTick > TICK_MS + STALL_MS ? this.lastTickAt + TICK_MS : at) - this.stalledMs;
  }

  start(): void {
    this.lastTickAt = this.clock.monotonic();
    this.arm();
  }

  stop(): void {
    this.isStopped = true;
    this.cancel?.();
  }

  private arm(): void {
    if (!this.isStopped) this.cancel = this.clock.timer(TICK_MS, () => this.tick());
  }

  private judge(): void {
    if (!this.isStopped) this.onTick();
  }

  private tick(): void {
    const at = this.clock.monotonic();
    const gapMs = at - this.lastTickAt - TICK_MS;
    this.lastTickAt = at;
    const wallAhead = this.clock.now() - at;
    const byMs = wallAhead - this.wallAhead;
    this.wallAhead = wallAhead;
    if (Math.abs(byMs) > STEP_MS) this.onStep(byMs);
    if (gapMs > STALL_MS) {
      this.stalledMs += gapMs;
      this.onStall(gapMs);
      // What the sockets hold is read first: whoever is silent only because we were late is not.
    } else this.clock.turn(() => this.judge());
    this.arm();
  }
}
