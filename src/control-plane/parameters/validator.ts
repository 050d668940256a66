/**
 * One schema, compiled, and the whole of a check: defaults, every problem, the bytes to store.
 *
 * ajv writes code for a schema, so nothing gets here that `checkParametersSchema` did not pass. What it costs to run is bounded by
 * who calls: see `cost.ts` and `check-worker.ts`.
 */
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import { isYardmasterError, YardmasterError } from '../../core/errors.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import { decodeValue, encodeValue } from '../../core/value.ts';
import { compilePattern } from '../../workflow/parameters/pattern.ts';
import { fillDefaults } from './defaults.ts';
import { useOwnEquality } from './equality.ts';
import type { CheckedParameters } from './port.ts';
import { describeErrors } from './problems.ts';

export class ParameterValidator {
  readonly #schema: JsonObject;
  readonly #errorsOf: (value: JsonValue) => readonly ErrorObject[];

  /** Throws BAD_SCHEMA. */
  constructor(schema: JsonObject) {
    this.#schema = schema;
    this.#errorsOf = compile(schema);
  }

  check(parameters: Uint8Array): CheckedParameters {
    const value = decodeValue(parameters);
    let filled: JsonValue;
    try {
      filled = fillDefaults(this.#schema, value);
    } catch (error) {
      return refuseWhole(parameters, error);
    }
    const found = describeErrors(this.#errorsOf(filled), filled);
    if (found.length > 0)
      return { parameters, problems: found.slice(0, limits.problemsMax), problemCount: found.length };
    return this.#pass(parameters, filled === value ? undefined : filled);
  }

  #pass(given: Uint8Array, filled: JsonValue | undefined): CheckedParameters {
    try {
      const parameters = filled === undefined ? given : encodeValue(filled);
      if (parameters.length <= limits.parametersBytesMax) return { parameters, problems: [], problemCount: 0 };
      const fact = `parameters with their defaults have ${parameters.length} bytes, at most ${limits.parametersBytesMax}`;
      throw new YardmasterError('PARAMETERS_INVALID', fact);
    } catch (error) {
      return refuseWhole(given, error);
    }
  }
}

/** A problem of the parameters as a whole. */
function refuseWhole(parameters: Uint8Array, error: unknown): CheckedParameters {
  if (!isYardmasterError(error)) throw error;
  const problem = { code: 'PARAMETERS_INVALID', message: error.message, place: { pointer: 'parameters' } };
  return { parameters, problems: [problem], problemCount: 1 };
}

function compile(schema: JsonObject): (value: JsonValue) => readonly ErrorObject[] {
  const regExp = (source: string) => compilePattern(source);
  regExp.code = 'compilePattern';
  // An instance of its own: ajv keeps what it compiled for as long as it lives.
  const ajv = new Ajv2020({
    allErrors: true,
    // What a value has by its prototype is not in it.
    ownProperties: true,
    // For messages: what the keyword says and what stands beside it.
    verbose: true,
    // Our own check was before, and says more.
    strict: false,
    validateSchema: false,
    meta: false,
    logger: false,
    // Notes for people, as 2020-12 has it.
    validateFormats: false,
    // 0.3 is a multiple of 0.1.
    multipleOfPrecision: 10,
    code: { regExp },
  });
  useOwnEquality(ajv);
  try {
    const validate = ajv.compile(Object.fromEntries(Object.entries(schema).filter(([name]) => name !== '$schema')));
    return (value) => (validate(value) ? [] : (validate.errors ?? []));
  } catch (error) {
    const fact = error instanceof Error ? error.message : String(error);
    throw new YardmasterError('BAD_SCHEMA', `Cannot use the schema of the parameters: ${fact}`, { cause: error });
  }
}
