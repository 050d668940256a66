/**
 * `const`, `enum` and `uniqueItems` by canonical text. ajv's own comparison calls `valueOf` and `toString` of what it compares, and
 * throws when a value has a member of such a name; and it compares every item with every other.
 */
import type { Ajv2020 } from 'ajv/dist/2020.js';
import type { DataValidateFunction } from 'ajv/dist/types/index.js';
import { canonicalJson, type JsonValue } from '../../core/json.ts';

type Params = Readonly<Record<string, unknown>>;

export function useOwnEquality(ajv: Ajv2020): void {
  replace(ajv, 'const', (allowedValue: JsonValue) => {
    const wanted = canonicalJson(allowedValue);
    return (value) => (canonicalJson(value) === wanted ? undefined : { allowedValue });
  });
  replace(ajv, 'enum', (allowedValues: readonly JsonValue[]) => {
    const wanted = new Set(allowedValues.map(canonicalJson));
    return (value) => (wanted.has(canonicalJson(value)) ? undefined : { allowedValues });
  });
  replace(ajv, 'uniqueItems', (isUnique: boolean) => (value) => {
    return isUnique && Array.isArray(value) ? findTwins(value) : undefined;
  });
}

/** `i` and `j` as ajv says them: the later one first. */
function findTwins(items: readonly JsonValue[]): Params | undefined {
  const seen = new Map<string, number>();
  for (const [i, item] of items.entries()) {
    const text = canonicalJson(item);
    const j = seen.get(text);
    if (j !== undefined) return { i, j };
    seen.set(text, i);
  }
  return undefined;
}

/** `compile` answers what finds the fault of a value: the parameters of the error, or undefined. */
function replace<Schema>(
  ajv: Ajv2020,
  keyword: string,
  compile: (schema: Schema) => (value: JsonValue) => Params | undefined,
): void {
  ajv.removeKeyword(keyword);
  ajv.addKeyword({
    keyword,
    errors: true,
    compile: (schema: Schema) => {
      const faultOf = compile(schema);
      const validate: DataValidateFunction = (value: JsonValue) => {
        const params = faultOf(value);
        if (params !== undefined) validate.errors = [{ keyword, params }];
        return params === undefined;
      };
      return validate;
    },
  });
}
