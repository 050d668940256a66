/** Who calls, for the audit log. It travels in a header, so it is printable ASCII; the control plane cuts it at 128 characters. */
import { YardmasterError } from '../core/errors.ts';

/** The name of whoever calls, '' for nobody in particular; default: the variable YARDMASTER_ACTOR. Throws INVALID_ARGUMENT. */
export function readActor(actor = process.env.YARDMASTER_ACTOR ?? ''): string {
  if (/^[ -~]{0,128}$/.test(actor)) return actor.trim();
  throw new YardmasterError(
    'INVALID_ARGUMENT',
    'Cannot call in the name of that actor: it has other characters than printable ASCII, or more than 128',
    {
      meta: { status: 'INVALID_ARGUMENT' },
      next: 'use a login name or an address, in the option "actor" or in YARDMASTER_ACTOR',
    },
  );
}
