/** A read failed. Nothing may be decided for that: whatever waits for it waits until it can be made. */
import { type Clock, sleep } from '../../core/clock.ts';
import type { LogFields, Logger } from '../../core/logger.ts';
import { StoreError, type StoreErrorKind } from '../store/port.ts';

/** Between two tries, ms. */
export const READ_RETRY_MS = 1_000;

const FINAL: ReadonlySet<StoreErrorKind> = new Set(['FENCED', 'CLOSED']);

/** True: the disk was in trouble, and the same read may succeed. False: what is stored is wrong, or the store is gone. */
export function isReadTrouble(error: unknown): error is StoreError {
  return error instanceof StoreError && !FINAL.has(error.kind);
}

export interface ReadAgain {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Between two tries. Default: a second. */
  readonly pause?: () => Promise<void>;
}

/** Reads until that succeeds. `about`: what the log says of it. */
export async function untilRead<T>(
  { clock, logger, pause = () => sleep(clock, READ_RETRY_MS) }: ReadAgain,
  about: LogFields,
  read: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (!isReadTrouble(error)) throw error;
      logger.warn('what is stored could not be read; it is tried again', { ...about, error });
      await pause();
    }
  }
}
