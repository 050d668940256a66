/** The calls that change something: when one is refused, the audit log says so before the caller hears of it. */
import { findError } from '../../core/error-catalogue.ts';
import { isYardmasterError, type StatusName, type YardmasterError } from '../../core/errors.ts';
import type { AuditFacts, ControlPlane } from '../runtime/control-plane.ts';

/** With these the call was not decided, or nobody knows: it may be repeated, and then there is an entry of the repeat. */
const UNDECIDED: ReadonlySet<StatusName> = new Set(['UNAVAILABLE', 'INTERNAL', 'CANCELLED', 'DEADLINE_EXCEEDED']);

/** What `change` answers. `describe` is asked only after a refusal. */
export async function audited<T>(
  controlPlane: Pick<ControlPlane, 'noteRefusal'>,
  describe: () => AuditFacts,
  change: () => Promise<T>,
): Promise<T> {
  try {
    return await change();
  } catch (error) {
    if (isRefusal(error)) {
      const facts = describe();
      const details = { ...facts.details, message: error.message };
      await controlPlane.noteRefusal({ ...facts, details }, error.code);
    }
    throw error;
  }
}

function isRefusal(error: unknown): error is YardmasterError {
  return isYardmasterError(error) && !UNDECIDED.has(findError(error.code)?.status ?? 'INTERNAL');
}
