/** What every service asks of a request. */
import { Faults } from './convert/faults.ts';

/** The only one in this version. */
export const NAMESPACE = 'default';

/** Reads a request and throws INVALID_ARGUMENT with everything that is wrong with it. */
export function readRequest<T>(action: string, read: (faults: Faults) => T): T {
  const faults = new Faults('INVALID_ARGUMENT');
  const request = read(faults);
  faults.throwIfAny(action);
  return request;
}
