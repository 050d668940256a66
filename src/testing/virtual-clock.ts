/**
 * Time that moves only when a test says so. Timers fire in the order in which they are due; turns are real turns of the event
 * loop, so promises and streams run as they do outside.
 *
 * `settle` waits until nothing moves: no turn is queued and no `BusyCheck` names anything, several turns in a row.
 */
import type { CancelTimer, Clock } from '../core/clock.ts';
import { parseDuration } from '../core/duration.ts';
import { YardmasterError } from '../core/errors.ts';

/** Names what is busy now; undefined: nothing. */
export type BusyCheck = () => string | undefined;

/** Timers that are set again and again and change nothing: set after `since` (monotonic), for `periodMsMax` at most. */
export interface Hum {
  readonly since: number;
  readonly periodMsMax: number;
}

interface Timer {
  readonly dueAt: number;
  readonly order: number;
  /** Monotonic time at which it was set, and for how long. */
  readonly setAt: number;
  readonly delayMs: number;
  readonly fn: () => void;
}

/** Turns in a row without any work: a promise chain needs no turn of its own, a stream or two need one each. */
const QUIET_TURNS = 3;
/** Real time for what does not wait on this clock, such as a handler that computes. */
const BUSY_MS_MAX = 5_000;
const EPOCH = Date.UTC(2026, 0, 1);

export class VirtualClock implements Clock {
  #monotonic = 0;
  #wallOffset: number;
  #timers: Timer[] = [];
  #order = 0;
  #turns = 0;
  readonly #busyChecks: BusyCheck[] = [];
  readonly #busyMsMax: number;

  /** `startAt`: wall milliseconds; default 2026-01-01. `busyMsMax`: real time that something may be busy; default 5 s. */
  constructor({ startAt = EPOCH, busyMsMax = BUSY_MS_MAX }: { startAt?: number; busyMsMax?: number } = {}) {
    this.#wallOffset = startAt;
    this.#busyMsMax = busyMsMax;
  }

  now(): number {
    return this.#wallOffset + this.#monotonic;
  }

  /** Somebody sets the wall clock, forward or (negative) back; timers know nothing of it. */
  shiftWall(ms: number): void {
    this.#wallOffset += ms;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  timer(delayMs: number, fn: () => void): CancelTimer {
    return this.#set(delayMs, fn, this.#monotonic);
  }

  #set(delayMs: number, fn: () => void, setAt: number): CancelTimer {
    // Whole milliseconds, as the timers of Node.
    const dueAt = this.#monotonic + Math.ceil(Math.max(0, delayMs));
    const timer = { dueAt, order: ++this.#order, setAt, delayMs: dueAt - this.#monotonic, fn };
    // Equal times fire in the order in which they were set, as Node's do.
    const index = this.#timers.findLastIndex((other) => other.dueAt <= dueAt) + 1;
    this.#timers.splice(index, 0, timer);
    return () => {
      const at = this.#timers.findIndex(({ order }) => order === timer.order);
      if (at >= 0) this.#timers.splice(at, 1);
    };
  }

  turn(fn: () => void): void {
    this.#turns += 1;
    setImmediate(() => {
      this.#turns -= 1;
      fn();
    });
  }

  /**
   * A clock of the same time whose timers and turns all end with `stop()`: for a process that is killed. `handlers`: its
   * timers are never part of a hum, because what a handler waits for matters.
   */
  fork(use: 'process' | 'handlers' = 'process'): Clock & { stop(): void } {
    let isOver = false;
    const unlessOver = (fn: () => void) => (): void => {
      if (!isOver) fn();
    };
    const cancels = new Set<CancelTimer>();
    return {
      now: () => this.now(),
      monotonic: () => this.monotonic(),
      turn: (fn) => this.turn(unlessOver(fn)),
      timer: (delayMs, fn) => {
        if (isOver) return () => {};
        const fire = (): void => {
          cancels.delete(cancel);
          fn();
        };
        const cancel = this.#set(delayMs, fire, use === 'handlers' ? Number.NEGATIVE_INFINITY : this.#monotonic);
        cancels.add(cancel);
        return () => {
          cancels.delete(cancel);
          cancel();
        };
      },
      stop: () => {
        isOver = true;
        for (const cancel of cancels) cancel();
      },
    };
  }

  /** `settle` waits while `check` names something. */
  watch(check: BusyCheck): void {
    this.#busyChecks.push(check);
  }

  /** Fires what is due at this time, and resolves when nothing moves. Throws STILL_BUSY when something is busy for 5 s of real time. */
  async settle(): Promise<void> {
    const startedAt = performance.now();
    for (let quiet = 0; quiet < QUIET_TURNS; ) {
      await nextTurn();
      this.#fireDue();
      const busy = this.#turns > 0 ? 'the event loop' : this.#whatIsBusy();
      quiet = busy === undefined ? quiet + 1 : 0;
      if (busy !== undefined && performance.now() - startedAt > this.#busyMsMax) throw stillBusy(busy, this.#busyMsMax);
    }
  }

  /** Moves time on by `duration` (milliseconds or text such as `30s`): each timer fires at its time, then things settle. */
  async advance(duration: number | string): Promise<void> {
    const target = this.#monotonic + readDuration(duration);
    await this.settle();
    while (await this.step(target));
  }

  /** Fires the next timer that is due by `target` (monotonic) and settles; else moves to `target` and answers false. */
  async step(target: number): Promise<boolean> {
    const [next] = this.#timers;
    if (next === undefined || next.dueAt > target) {
      this.#monotonic = Math.max(this.#monotonic, target);
      return false;
    }
    this.#timers.shift();
    this.#monotonic = Math.max(this.#monotonic, next.dueAt);
    next.fn();
    await this.settle();
    return true;
  }

  /** When the next timer is due that is not part of the `hum`; monotonic. */
  nextDue(hum: Hum): number | undefined {
    return this.#timers.find((timer) => !isPartOf(hum, timer))?.dueAt;
  }

  /**
   * Leaves out `ms` in which nothing can happen, as a machine that sleeps does: wall time moves on, and with it the timers
   * that are not part of the `hum`; for those no time passes.
   */
  skip(ms: number, hum: Hum): void {
    this.#wallOffset += ms;
    const moved = this.#timers.map((timer) =>
      isPartOf(hum, timer) ? timer : { ...timer, dueAt: Math.max(this.#monotonic, timer.dueAt - ms) },
    );
    this.#timers = moved.sort((a, b) => a.dueAt - b.dueAt || a.order - b.order);
  }

  #fireDue(): void {
    for (let [next] = this.#timers; next !== undefined && next.dueAt <= this.#monotonic; [next] = this.#timers) {
      this.#timers.shift();
      this.#turns += 1;
      // Each in a turn of its own, as Node does it.
      setImmediate(() => {
        this.#turns -= 1;
        next?.fn();
      });
    }
  }

  #whatIsBusy(): string | undefined {
    for (const check of this.#busyChecks) {
      const busy = check();
      if (busy !== undefined) return busy;
    }
    return undefined;
  }
}

function isPartOf({ since, periodMsMax }: Hum, { setAt, delayMs }: Timer): boolean {
  return setAt > since && delayMs <= periodMsMax;
}

/** Milliseconds. Throws INVALID_DURATION. */
export function readDuration(duration: number | string): number {
  const ms = parseDuration(duration);
  if (ms !== undefined) return ms;
  throw new YardmasterError('INVALID_DURATION', `Cannot use "${duration}" as a duration`, {
    next: 'write milliseconds, or text such as 30s, 5m, 24h',
  });
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function stillBusy(what: string, busyMs: number): YardmasterError {
  return new YardmasterError('STILL_BUSY', `Cannot settle: ${what} is busy for ${busyMs / 1_000} s of real time`, {
    next: 'wait with mesh.sleep(...), which waits on the virtual clock',
  });
}
