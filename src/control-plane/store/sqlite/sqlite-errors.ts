/** What SQLite's result codes mean for a batch: https://www.sqlite.org/rescode.html */
import { YardmasterError } from '../../../core/errors.ts';
import { StoreError, type StoreErrorKind } from '../port.ts';

const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CONSTRAINT = 19;
const SQLITE_NOTADB = 26;
/** Extended: also what a full quota or a file size limit gives. */
const SQLITE_IOERR_WRITE = 778;

export function isBusy(error: unknown): boolean {
  const code = resultCode(error);
  return code !== undefined && ((code & 255) === SQLITE_BUSY || (code & 255) === SQLITE_LOCKED);
}

/** A thrown thing as the contract's error; what is already ours passes. `action` begins the message. */
export function toStoreError(error: unknown, action: string): StoreError | YardmasterError {
  if (error instanceof StoreError || error instanceof YardmasterError) return error;
  const code = resultCode(error);
  const fact = error instanceof Error ? error.message : String(error);
  if (code !== undefined && isCorrupt(code)) {
    return new YardmasterError('STORE_CORRUPT', `${action}: ${fact}`, {
      cause: error,
      next: 'restore the store from a backup',
    });
  }
  return new StoreError(kindOf(code), `${action}: ${fact}${code === undefined ? '' : ` (SQLite ${code})`}`, error);
}

/** What keeps a store from opening, for people: nothing was acknowledged yet, so no kind matters. */
export function toOpenError(error: unknown, file: string): YardmasterError {
  const reason = toStoreError(error, `cannot open store "${file}"`);
  if (reason instanceof YardmasterError) return reason;
  return new YardmasterError('STORE_UNAVAILABLE', reason.message, {
    cause: error,
    meta: { file },
    next: 'check that the folder may be written and has space, and that no other program has the file locked',
  });
}

function kindOf(code: number | undefined): StoreErrorKind {
  if (code === undefined) return 'UNCLEAR';
  if (code === SQLITE_IOERR_WRITE) return 'FULL';
  switch (code & 255) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return 'BUSY';
    case SQLITE_FULL:
      return 'FULL';
    case SQLITE_CONSTRAINT:
      return 'CONFLICT';
    default:
      // A failed fsync among them: the bytes may be on the disk or not.
      return 'UNCLEAR';
  }
}

function isCorrupt(code: number): boolean {
  return (code & 255) === SQLITE_CORRUPT || (code & 255) === SQLITE_NOTADB;
}

function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode : undefined;
}
