/**
 * Fills in what a schema has as `default` where the value has nothing: through `properties`, `items`, `prefixItems`, `allOf` and
 * `$ref`. Not through `anyOf`, `oneOf`, `if` and `not`: which of their schemas counts depends on the value.
 */
import { YardmasterError } from '../../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import { resolveRef } from '../../workflow/parameters/references.ts';

/** The same object when there was nothing to fill in. Throws PARAMETERS_INVALID when the result is too large or too deep. */
export function fillDefaults(schema: JsonObject, value: JsonValue): JsonValue {
  return new Filler(schema).fill(schema, value, 0);
}

class Filler {
  readonly #root: JsonObject;
  #bytesLeft: number = limits.parametersBytesMax;

  constructor(root: JsonObject) {
    this.#root = root;
  }

  fill(schema: JsonValue | undefined, value: JsonValue, depth: number): JsonValue {
    if (!isJsonObject(schema)) return value;
    if (depth > limits.valueDepthMax) throw tooMuch(`are nested deeper than ${limits.valueDepthMax}`);
    let filled = value;
    if (typeof schema.$ref === 'string') filled = this.fill(this.#find(schema.$ref), filled, depth);
    if (Array.isArray(schema.allOf)) for (const part of schema.allOf) filled = this.fill(part, filled, depth);
    if (Array.isArray(filled)) return this.#list(schema, filled, depth);
    return isJsonObject(filled) && isJsonObject(schema.properties)
      ? this.#object(schema.properties, filled, depth)
      : filled;
  }

  #object(properties: JsonObject, value: JsonObject, depth: number): JsonObject {
    let copy: Record<string, JsonValue> | undefined;
    for (const [name, schema] of Object.entries(properties)) {
      const given = Object.hasOwn(value, name) ? value[name] : undefined;
      const start = given === undefined ? this.#defaultOf(name, schema) : given;
      if (start === undefined) continue;
      const filled = this.fill(schema, start, depth + 1);
      if (filled === given) continue;
      copy ??= { ...value };
      copy[name] = filled;
    }
    return copy ?? value;
  }

  #defaultOf(name: string, schema: JsonValue): JsonValue | undefined {
    if (!isJsonObject(schema) || schema.default === undefined) return undefined;
    this.#bytesLeft -= name.length + JSON.stringify(schema.default).length;
    if (this.#bytesLeft < 0) throw tooMuch(`are over ${limits.parametersBytesMax} bytes`);
    return schema.default;
  }

  #list({ prefixItems, items }: JsonObject, value: readonly JsonValue[], depth: number): readonly JsonValue[] {
    const first = Array.isArray(prefixItems) ? prefixItems : [];
    if (first.length === 0 && !isJsonObject(items)) return value;
    let isChanged = false;
    const filled = value.map((item, i) => {
      const next = this.fill(i < first.length ? first[i] : items, item, depth + 1);
      isChanged ||= next !== item;
      return next;
    });
    return isChanged ? filled : value;
  }

  #find(ref: string): JsonValue | undefined {
    let found: JsonValue | undefined = this.#root;
    for (const token of (resolveRef(ref) ?? '').split('/').slice(1)) {
      const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
      if (Array.isArray(found)) found = found[Number(key)];
      else found = isJsonObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
    }
    return found;
  }
}

function tooMuch(fact: string): YardmasterError {
  return new YardmasterError('PARAMETERS_INVALID', `parameters with their defaults ${fact}`);
}
