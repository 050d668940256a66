/**
 * Whether a check may run on the thread that serves everybody. It may when its work is bounded by the schema's weight times the
 * bytes of the parameters: no alternatives, no references, no patterns, no comparison of items with each other.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';

/** Compiling that much takes some 20 ms, once per version. */
const WEIGHT_MAX = 64;
const TEXT_CHARS_MAX = 256;

/** Undefined: only beside. */
export function weightOf(schema: JsonObject): number | undefined {
  const weight = weigh(schema);
  return weight <= WEIGHT_MAX ? weight : undefined;
}

export function mayCheckHere(weight: number | undefined, parameters: Uint8Array): boolean {
  return weight !== undefined && weight * parameters.length <= limits.checkWorkHereMax;
}

function weigh(schema: JsonValue): number {
  if (!isJsonObject(schema)) return 1;
  let weight = 1;
  for (const [name, value] of Object.entries(schema)) {
    weight += weighKeyword(name, value, schema);
    if (weight > WEIGHT_MAX) return Number.POSITIVE_INFINITY;
  }
  return weight;
}

function weighKeyword(name: string, value: JsonValue, schema: JsonObject): number {
  switch (name) {
    case 'properties':
      return sum(Object.values(isJsonObject(value) ? value : {}));
    case 'prefixItems':
      return sum(Array.isArray(value) ? value : []);
    case 'items':
      return weigh(value);
    case 'additionalProperties':
      // Every name is compared with every known one.
      return weigh(value) + (isJsonObject(schema.properties) ? Object.keys(schema.properties).length : 0);
    case 'required':
      return Array.isArray(value) ? value.length : 0;
    case 'enum':
      return Array.isArray(value) ? value.reduce<number>((all, item) => all + weighValue(item), 0) : 0;
    case 'const':
    case 'default':
      return weighValue(value);
    default:
      return CHEAP.has(name) || name.startsWith('x-') ? 0 : Number.POSITIVE_INFINITY;
  }
}

function sum(schemas: readonly JsonValue[]): number {
  return schemas.reduce<number>((all, schema) => all + weigh(schema), 0);
}

/** Values with parts, and long texts, are compared or filled in at a cost that the weight would not show. */
function weighValue(value: JsonValue): number {
  if (typeof value === 'object' && value !== null) return Number.POSITIVE_INFINITY;
  return typeof value === 'string' && value.length > TEXT_CHARS_MAX ? Number.POSITIVE_INFINITY : 1;
}

const CHEAP: ReadonlySet<string> = new Set([
  ...['type', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  ...['minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties'],
  ...['title', 'description', 'examples', '$comment', '$schema', 'format', 'contentEncoding', 'contentMediaType'],
  ...['secret', 'deprecated', 'readOnly', 'writeOnly'],
]);
