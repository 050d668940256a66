/** A read failed. Nothing may be decided for that: whatever waits for it waits until it can be made. */
import { StoreError, type StoreErrorKind } from '../store/port.ts';

/** Between two tries, ms. */
export const READ_RETRY_MS = 1_000;

const FINAL: ReadonlySet<StoreErrorKind> = new Set(['FENCED', 'CLOSED']);

/** True: the disk was in trouble, and the same read may succeed. False: what is stored is wrong, or the store is gone. */
export function isReadTrouble(error: unknown): error is StoreError {
  return error instanceof StoreError && !FINAL.has(error.kind);
}
