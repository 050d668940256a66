import { findError } from '../../core/error-catalogue.ts';
import type { YardmasterError } from '../../core/errors.ts';

/** With these a start was not decided, or nobody knows. */
const UNDECIDED: ReadonlySet<string> = new Set([
  'UNAVAILABLE',
  'INTERNAL',
  'CANCELLED',
  'DEADLINE_EXCEEDED',
  'ABORTED',
]);

/** True: it is to be tried again. False: it was refused, and would be again. */
export function isUndecided({ code }: YardmasterError): boolean {
  return UNDECIDED.has(findError(code)?.status ?? 'INTERNAL');
}
