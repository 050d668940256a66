/** A JSON Schema as a type of TypeScript. What types cannot say (bounds, patterns, `not`, `if`) is left out: the type is wider. */
import { isJsonObject, type JsonObject, type JsonValue } from '../core/json.ts';

/** References are written out: some lines of them can stand for more than fits anywhere. */
const PARTS_MAX = 2_000;
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

/** One expression; `unknown` where nothing can be said. */
export function typeOfSchema(schema: JsonValue | undefined): string {
  return new TypePrinter(isJsonObject(schema) ? schema : {}).print(schema, []);
}

class TypePrinter {
  readonly #root: JsonObject;
  #parts = 0;

  constructor(root: JsonObject) {
    this.#root = root;
  }

  /** `refs`: those that led here. A schema that contains itself has no end as an expression. */
  print(schema: JsonValue | undefined, refs: readonly string[]): string {
    if (schema === false) return 'never';
    this.#parts += 1;
    if (!isJsonObject(schema) || this.#parts > PARTS_MAX) return 'unknown';
    const parts = [this.#own(schema, refs), ...this.#around(schema, refs)].filter((part) => part !== 'unknown');
    const [only] = parts;
    if (only === undefined) return 'unknown';
    return parts.length === 1 ? only : [...new Set(parts)].map(inParens).join(' & ');
  }

  /** What holds besides: references, alternatives. */
  #around(schema: JsonObject, refs: readonly string[]): readonly string[] {
    const { $ref, anyOf, oneOf, allOf } = schema;
    const parts = Array.isArray(allOf) ? allOf.map((part) => this.print(part, refs)) : [];
    for (const choice of [anyOf, oneOf])
      if (Array.isArray(choice)) parts.push(union(choice.map((part) => this.print(part, refs))));
    if (typeof $ref === 'string' && !refs.includes($ref)) parts.push(this.print(this.#find($ref), [...refs, $ref]));
    return parts;
  }

  #own(schema: JsonObject, refs: readonly string[]): string {
    const { const: one, enum: many, type } = schema;
    if (one !== undefined) return literalOf(one);
    if (Array.isArray(many)) return union(many.map(literalOf));
    if (type !== undefined) return union([type].flat().map((name) => this.#typed(name, schema, refs)));
    if (isJsonObject(schema.properties)) return this.#object(schema, refs);
    return 'unknown';
  }

  #typed(name: JsonValue, schema: JsonObject, refs: readonly string[]): string {
    switch (name) {
      case 'string':
      case 'boolean':
      case 'null':
        return name;
      case 'number':
      case 'integer':
        return 'number';
      case 'array':
        return this.#list(schema, refs);
      case 'object':
        return this.#object(schema, refs);
      default:
        return 'unknown';
    }
  }

  #list({ prefixItems, items }: JsonObject, refs: readonly string[]): string {
    const rest = this.print(items, refs);
    if (!Array.isArray(prefixItems)) return `readonly ${inParens(rest)}[]`;
    const first = prefixItems.map((item) => this.print(item, refs));
    return `readonly [${[...first, ...(items === false ? [] : [`...${inParens(rest)}[]`])].join(', ')}]`;
  }

  #object({ properties, required, additionalProperties }: JsonObject, refs: readonly string[]): string {
    const known = isJsonObject(properties) ? Object.entries(properties) : [];
    if (known.length === 0) {
      if (additionalProperties === false) return 'Readonly<Record<string, never>>';
      return `Readonly<Record<string, ${this.print(additionalProperties, refs)}>>`;
    }
    const needed = new Set(Array.isArray(required) ? required : []);
    const members = known.map(([name, schema]) => {
      const key = IDENTIFIER.test(name) ? name : JSON.stringify(name);
      return `readonly ${key}${needed.has(name) ? '' : '?'}: ${this.print(schema, refs)}`;
    });
    return `{ ${members.join('; ')} }`;
  }

  #find(ref: string): JsonValue | undefined {
    if (ref !== '#' && !ref.startsWith('#/')) return undefined;
    let found: JsonValue | undefined = this.#root;
    for (const token of ref.split('/').slice(1)) {
      const key = decodeURIComponent(token).replaceAll('~1', '/').replaceAll('~0', '~');
      if (Array.isArray(found)) found = found[Number(key)];
      else found = isJsonObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
    }
    return found;
  }
}

function literalOf(value: JsonValue): string {
  if (Array.isArray(value)) return `readonly [${value.map(literalOf).join(', ')}]`;
  if (!isJsonObject(value)) return JSON.stringify(value);
  const members = Object.entries(value).map(([name, inner]) => `readonly ${JSON.stringify(name)}: ${literalOf(inner)}`);
  return members.length === 0 ? 'Readonly<Record<string, never>>' : `{ ${members.join('; ')} }`;
}

function union(types: readonly string[]): string {
  const all = [...new Set(types)];
  if (all.includes('unknown') || all.length === 0) return 'unknown';
  return all.length === 1 ? (all[0] ?? 'unknown') : all.map(inParens).join(' | ');
}

/** Around what does not stand alone within a larger type. */
function inParens(type: string): string {
  return /^[\w$"]+$/.test(type) ? type : `(${type})`;
}
