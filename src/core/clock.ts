/**
 * The only source of time for the control plane, the SDK and the simulator.
 *
 * Wall time (`now`) is for people and for rows; `monotonic` is for windows and deadlines inside one process;
 * `turn` is the end of the current event-loop turn (a group commit starts there).
 */
export interface Clock {
  /** Wall time, milliseconds since the epoch. */
  now(): number;
  /** Milliseconds from an arbitrary start; never goes back. */
  monotonic(): number;
  /** Calls `fn` once after `delayMs` (0 or more; longer than 24 days is allowed). The answer cancels it. */
  timer(delayMs: number, fn: () => void): CancelTimer;
  /** Calls `fn` at the end of the current turn, after everything that is already queued. */
  turn(fn: () => void): void;
}

export type CancelTimer = () => void;

/** Node's longest timer: `setTimeout` fires at once beyond 2^31-1 ms. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The clock of the machine. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  timer: (delayMs, fn) => startLongTimer(delayMs, fn),
  turn: (fn) => {
    setImmediate(fn);
  },
};

function startLongTimer(delayMs: number, fn: () => void): CancelTimer {
  let rest = Math.max(0, delayMs);
  let handle: NodeJS.Timeout;
  const arm = (): void => {
    const part = Math.min(rest, TIMER_MS_MAX);
    rest -= part;
    handle = setTimeout(() => (rest > 0 ? arm() : fn()), part);
    handle.unref();
  };
  arm();
  return () => clearTimeout(handle);
}

/** Resolves after `delayMs` on `clock`; rejects with the signal's reason when it aborts first. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.timer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** A wall time as the platform has it. */
export function dateOf(ms: number): Date {
  return new Date(ms);
}

/** `2026-11-30T12:00:00Z`, without the part of a second. */
export function formatTime(ms: number): string {
  return `${dateOf(ms).toISOString().slice(0, 19)}Z`;
}
