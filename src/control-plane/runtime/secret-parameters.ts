/** Run parameters whose schema says `secret: true` name a secret of the workflow's list; a value would be stored. */
import type { Problem } from '../../core/errors.ts';
import { isJsonObject, type JsonValue } from '../../core/json.ts';
import { SECRET_PREFIX, showReference } from '../../core/secret-mark.ts';
import { decodeValue } from '../../core/value.ts';
import type { CompiledWorkflow } from '../../workflow/compiled.ts';
import { formatPath } from '../../workflow/finding.ts';

/** One for each that is no reference; none shows a value. Absent ones and null are for the schema to judge. */
export function findSecretProblems(
  { secrets }: Pick<CompiledWorkflow, 'secrets'>,
  parameters: Uint8Array,
): readonly Problem[] {
  if (secrets.parameters.length === 0) return [];
  const given = decodeValue(parameters);
  const listed = [...secrets.names].map(showReference).join(', ');
  return secrets.parameters.flatMap((keys): Problem[] => {
    const value = keys.reduce<JsonValue | undefined>(memberOf, given);
    if (value === undefined || value === null || isReference(value, secrets.names)) return [];
    const pointer = formatPath(['parameters', ...keys]);
    const message = `${pointer} is secret: it takes a name, one of ${listed}, and no value`;
    return [{ code: 'PARAMETERS_INVALID', message, place: { pointer } }];
  });
}

/** True when the place of `problem` is that of `known`, or stands in it. */
export function isWithin({ place }: Problem, known: Problem): boolean {
  const [inner = '', outer = ''] = [place?.pointer, known.place?.pointer];
  return inner.startsWith(outer) && /^(?:[.[]|$)/.test(inner.slice(outer.length));
}

function isReference(value: JsonValue, names: ReadonlySet<string>): boolean {
  return typeof value === 'string' && value.startsWith(SECRET_PREFIX) && names.has(value.slice(SECRET_PREFIX.length));
}

function memberOf(value: JsonValue | undefined, key: string): JsonValue | undefined {
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}
