/** The checks of parameters as the runtime sees them: in this thread, or beside it with a limit of time. */
import type { Problem } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';

export interface ParameterChecks {
  /** Makes sure that a schema can be used. Rejects with BAD_SCHEMA or SCHEMA_TOO_COSTLY. */
  prepare(schema: JsonObject): Promise<void>;
  /** `parameters`: bytes of a Value. Rejects with SCHEMA_TOO_COSTLY, CHECKS_BUSY or SHUTTING_DOWN. */
  check(schema: JsonObject, parameters: Uint8Array): Promise<CheckedParameters>;
  /** What waits is rejected with SHUTTING_DOWN. */
  close(): Promise<void>;
}

export interface CheckedParameters {
  /** With the defaults of the schema; the very same bytes when there were none to fill in. */
  readonly parameters: Uint8Array;
  /** The first of them. Empty: a run may start with `parameters`. */
  readonly problems: readonly Problem[];
  readonly problemCount: number;
}
