/** Waits between tries after a cut. The timers keep the process alive: somebody awaits their end. */
import { setTimeout as wait } from 'node:timers/promises';

const FIRST_MS = 100;
const MAX_MS = 5_000;

export interface Backoff {
  /** Waits: about 0.1 s at first, doubling to 5 s, each between half and the whole. Throws the signal's reason. */
  pause(signal: AbortSignal | undefined): Promise<void>;
  /** The other side answered: the next wait is a short one again. */
  reset(): void;
}

export function createBackoff(): Backoff {
  let failures = 0;
  return {
    async pause(signal) {
      const ms = Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(failures, 10));
      failures++;
      try {
        await wait(ms * (0.5 + Math.random() / 2), undefined, signal === undefined ? {} : { signal });
      } catch (error) {
        throw signal?.reason ?? error;
      }
    },
    reset() {
      failures = 0;
    },
  };
}
