import { YardmasterError } from '../../../core/errors.ts';

/** Stored bytes are not what this version writes: the row's run fails, the process lives. */
export function corrupt(fact: string, cause?: unknown): never {
  throw new YardmasterError('STORE_CORRUPT', `cannot read journal row: ${fact}`, {
    ...(cause === undefined ? {} : { cause }),
    next: 'restore the store from a backup, or read it with the version of yardmaster that wrote it',
  });
}
