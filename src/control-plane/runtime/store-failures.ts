/** What becomes of commands whose batch could not be stored: decided again, or answered with the error. */
import { YardmasterError } from '../../core/errors.ts';
import type { StoreError } from '../store/port.ts';
import type { Pending } from './run-holder.ts';

/** How often the batch of a command may fail before it is answered with the error; a busy or full disk never counts against an agent. */
const CLIENT_FAILURES_MAX = 5;
const FAILURES_MAX = 100;

/** False: whoever asked will ask again by itself. */
export function isDecidedAgain({ command, onAnswer }: Pending): boolean {
  if (command.type === 'AssignStep' || command.type === 'AdmitRun') return false;
  return command.type !== 'Continue' || onAnswer !== undefined;
}

/** True: it was answered with the error. */
export function giveUp(pending: Pending, error: StoreError): boolean {
  const wroteNothing = error.kind === 'BUSY' || error.kind === 'FULL';
  if (!wroteNothing) pending.failures += 1;
  const isRefused = pending.isClient && wroteNothing;
  if (!isRefused && pending.failures < (pending.isClient ? CLIENT_FAILURES_MAX : FAILURES_MAX)) return false;
  const code = isRefused ? 'STORE_UNAVAILABLE' : 'STORE_FAILED';
  pending.onError?.(
    new YardmasterError(code, `Cannot store what was asked: ${error.message}`, {
      cause: error,
      next: 'try again in a second',
    }),
  );
  return true;
}
