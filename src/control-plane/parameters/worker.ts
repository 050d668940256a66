/** The worker thread: one check after the other. It may be ended at any time, and loses only what it compiled. */
import { parentPort } from 'node:worker_threads';
import { isYardmasterError, type Problem, toYardmasterError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { CheckedParameters } from './port.ts';
import { ParameterValidator } from './validator.ts';

export interface CheckRequest {
  /** JSON text: the key to what was compiled, too. */
  readonly schema: string;
  /** Absent: the schema is only compiled. */
  readonly parameters?: Uint8Array;
}

export type CheckReply =
  /** It has started. */
  | { readonly type: 'ready' }
  /** The schema is compiled; the check itself begins. */
  | { readonly type: 'compiled' }
  | { readonly type: 'done'; readonly checked: CheckedParameters | undefined }
  | { readonly type: 'error'; readonly code: string; readonly message: string; readonly problems: readonly Problem[] };

const COMPILED_MAX = 200;

if (parentPort !== null) serve(parentPort);

function serve(port: NonNullable<typeof parentPort>): void {
  const validators = new Map<string, ParameterValidator>();
  const tell = (reply: CheckReply): void => port.postMessage(reply);
  port.on('message', ({ schema, parameters }: CheckRequest) => {
    try {
      const validator = find(validators, schema);
      tell({ type: 'compiled' });
      tell({ type: 'done', checked: parameters === undefined ? undefined : validator.check(parameters) });
    } catch (error) {
      const { code, message, problems } = isYardmasterError(error) ? error : toYardmasterError(error);
      tell({ type: 'error', code, message, problems });
    }
  });
  tell({ type: 'ready' });
}

function find(validators: Map<string, ParameterValidator>, schema: string): ParameterValidator {
  let validator = validators.get(schema);
  if (validator === undefined) {
    // The definition's own text: checkParametersSchema passed it as an object.
    validator = new ParameterValidator(JSON.parse(schema) as JsonObject);
    if (validators.size >= COMPILED_MAX) validators.clear();
    validators.set(schema, validator);
  }
  return validator;
}
