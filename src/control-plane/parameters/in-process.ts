/** Checks in this thread, without a limit of time: for tests in virtual time, and for what is known to be cheap. */
import type { JsonObject } from '../../core/json.ts';
import type { CheckedParameters, ParameterChecks } from './port.ts';
import { ParameterValidator } from './validator.ts';

export class InProcessChecks implements ParameterChecks {
  /** By the schema object, which lives as long as the compiled version that it belongs to. */
  readonly #validators = new WeakMap<JsonObject, ParameterValidator>();

  async prepare(schema: JsonObject): Promise<void> {
    this.#validatorOf(schema);
  }

  async check(schema: JsonObject, parameters: Uint8Array): Promise<CheckedParameters> {
    return this.#validatorOf(schema).check(parameters);
  }

  async close(): Promise<void> {}

  #validatorOf(schema: JsonObject): ParameterValidator {
    let validator = this.#validators.get(schema);
    if (validator === undefined) {
      validator = new ParameterValidator(schema);
      this.#validators.set(schema, validator);
    }
    return validator;
  }
}
