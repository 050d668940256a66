/** Parameters of a run by their schema: as much of JSON Schema as the workflows here use. */
import { isJsonObject, type JsonObject, type JsonValue } from '../../../src/core/json.ts';
import { Unknown } from './expressions.ts';

const known: ReadonlySet<string> = new Set(['type', 'properties', 'required', 'default']);

/** The value with its defaults; undefined: it does not fit. Throws Unknown for what else a schema may say. */
export function fill(schema: JsonObject, value: JsonValue): JsonValue | undefined {
  const { type, properties, required } = schema;
  if (Object.keys(schema).some((key) => !known.has(key))) throw new Unknown();
  if (type !== undefined && !isOfType(value, type)) return undefined;
  if (!isJsonObject(value)) return value;
  const filled: Record<string, JsonValue> = { ...value };
  for (const [name, inner] of Object.entries(isJsonObject(properties) ? properties : {})) {
    if (!isJsonObject(inner)) throw new Unknown();
    const given = value[name] === undefined ? inner.default : value[name];
    if (given === undefined) continue;
    const fits = fill(inner, given);
    if (fits === undefined) return undefined;
    filled[name] = fits;
  }
  const isMissing = (name: JsonValue): boolean => typeof name === 'string' && filled[name] === undefined;
  return Array.isArray(required) && required.some(isMissing) ? undefined : filled;
}

function isOfType(value: JsonValue, type: JsonValue): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isJsonObject(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}
