import { isYardmasterError, type YardmasterError } from '../../../src/core/errors.ts';

/** What `work` throws. */
export function failureOf(work: () => unknown): YardmasterError {
  try {
    work();
  } catch (error) {
    if (isYardmasterError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
