/** Run parameters whose schema says `secret: true` name a secret of the workflow's list; a value would be stored. */
import { type Problem, YardmasterError } from '../../core/errors.ts';
import { isJsonObject, type JsonValue } from '../../core/json.ts';
import { SECRET_PREFIX, showReference } from '../../core/secret-mark.ts';
import { decodeValue } from '../../core/value.ts';
import type { CompiledWorkflow } from '../../workflow/compiled.ts';

/** Throws PARAMETERS_INVALID, which shows no value. Absent ones and null are for the schema to judge. */
export function checkSecretParameters(
  { name, secrets }: Pick<CompiledWorkflow, 'name' | 'secrets'>,
  parameters: Uint8Array,
): void {
  if (secrets.parameters.length === 0) return;
  const given = decodeValue(parameters);
  const listed = [...secrets.names].map(showReference).join(', ');
  const problems = secrets.parameters.flatMap((keys): Problem[] => {
    const value = keys.reduce<JsonValue | undefined>(memberOf, given);
    if (value === undefined || value === null || isReference(value, secrets.names)) return [];
    const pointer = keys.join('.');
    const message = `parameter "${pointer}" is secret: it takes a name, one of ${listed}, and no value`;
    return [{ code: 'PARAMETERS_INVALID', message, place: { pointer } }];
  });
  const [first] = problems;
  if (first === undefined) return;
  throw new YardmasterError('PARAMETERS_INVALID', `Cannot start "${name}": ${first.message}`, {
    problems,
    next: `send ${listed}`,
  });
}

function isReference(value: JsonValue, names: ReadonlySet<string>): boolean {
  return typeof value === 'string' && value.startsWith(SECRET_PREFIX) && names.has(value.slice(SECRET_PREFIX.length));
}

function memberOf(value: JsonValue | undefined, key: string): JsonValue | undefined {
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}
