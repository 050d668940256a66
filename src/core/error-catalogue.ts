/**
 * Every code of the product: its gRPC status and one line on what it means. docs/errors.md lists the same (a test compares
 * both ways, and looks for codes in the sources that are missing here).
 */
import type { StatusName } from './errors.ts';

export interface CatalogueEntry {
  readonly status: StatusName;
  readonly explanation: string;
}

/** What handlers of agents say is theirs; these are ours. */
export const errorCatalogue: Readonly<Record<string, CatalogueEntry>> = {
  MALFORMED_FRAME: { status: 'INVALID_ARGUMENT', explanation: 'An agent sent something that is not a frame; the problems name the fields.' },
  MALFORMED_REQUEST: { status: 'INVALID_ARGUMENT', explanation: 'The bytes of a request are not the message of that method.' },
  INVALID_ARGUMENT: { status: 'INVALID_ARGUMENT', explanation: 'A field of a request is missing, too large or out of range; the problems name it.' },
  NO_HELLO: { status: 'FAILED_PRECONDITION', explanation: 'A stream sent no Hello within 10 s.' },
  OVERLOAD: { status: 'RESOURCE_EXHAUSTED', explanation: 'An agent reads too slowly and its outgoing queue is full.' },
  SHUTTING_DOWN: { status: 'UNAVAILABLE', explanation: 'This control plane is about to stop; connect again in a moment.' },
  HEALTH_NAME_UNKNOWN: { status: 'NOT_FOUND', explanation: 'A health check asked for a name that nothing has.' },
  INTERNAL: { status: 'INTERNAL', explanation: 'A bug in Yardmaster: the log of the control plane has the stack.' },
};

/** The entry of a code; codes of handlers have none. */
export function findError(code: string): CatalogueEntry | undefined {
  return Object.hasOwn(errorCatalogue, code) ? errorCatalogue[code] : undefined;
}
