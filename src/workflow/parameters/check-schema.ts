/**
 * The JSON Schema of a workflow's parameters: only what can be checked in bounded time, and what will compile. Says what to
 * write instead; nothing is fetched and nothing is ignored.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import { nearest } from '../../core/nearest.ts';
import type { Finding, Path } from '../finding.ts';
import { faultOf, patternsOf } from './keyword-values.ts';
import { DIALECT, insteadOf, type Kind, keywords, sameValue, typeNames } from './keywords.ts';
import { compilePattern, sizeOfPattern } from './pattern.ts';
import { findCircle, type PlaceOfSchema, pointerOf, resolveRef } from './references.ts';

/** What a schema is for: the parameters of a run, which are an object, or what is sent with a signal, which is anything. */
type Use = 'parameters' | 'form';

/** `schema` is not deeper than `limits.valueDepthMax`. */
export function checkParametersSchema(schema: JsonObject, path: Path): readonly Finding[] {
  return checkSchema(schema, path, 'parameters');
}

/** As `checkParametersSchema`, for the form of a signal. */
export function checkFormSchema(schema: JsonObject, path: Path): readonly Finding[] {
  return checkSchema(schema, path, 'form');
}

function checkSchema(schema: JsonObject, path: Path, use: Use): readonly Finding[] {
  const bytes = new TextEncoder().encode(JSON.stringify(schema)).length;
  if (bytes > limits.parameterSchemaBytesMax) {
    const message = `the schema has ${bytes} bytes; at most ${limits.parameterSchemaBytesMax} are allowed`;
    return [{ code: 'BAD_SCHEMA', message, path }];
  }
  const checker = new SchemaChecker(path, use);
  checker.root(schema);
  return checker.findings.slice(0, limits.problemsMax);
}

class SchemaChecker {
  readonly findings: Finding[] = [];
  readonly #base: Path;
  readonly #use: Use;
  /** Every schema in the document, and which others look at the same value. */
  readonly #places = new Map<string, PlaceOfSchema>();
  readonly #refs: { readonly from: PlaceOfSchema; readonly ref: string; readonly path: Path }[] = [];
  /** Pointers of the schemas that say `secret: true`. */
  readonly #secrets: string[] = [];
  #patternSize = 0;

  constructor(base: Path, use: Use) {
    this.#base = base;
    this.#use = use;
  }

  root(schema: JsonObject): void {
    this.#schema(schema, []);
    const { type } = schema;
    if (this.#use === 'parameters' && type !== undefined && ![type].flat().includes('object'))
      this.#report('parameters are always an object', ['type'], 'type: object');
    if (this.#places.size > limits.parameterSchemasMax)
      this.#report(`${this.#places.size} schemas in one; at most ${limits.parameterSchemasMax} are allowed`, []);
    for (const { from, ref, path } of this.#refs) this.#ref(from, ref, path);
    const circle = findCircle(this.#places);
    if (circle !== undefined) this.#report('a schema that asks itself about the same value never ends', circle.path);
  }

  #report(message: string, path: Path, next?: string, more: Partial<Finding> = {}): void {
    const place = [...this.#base, ...path];
    this.findings.push({ code: 'BAD_SCHEMA', message, path: place, ...(next === undefined ? {} : { next }), ...more });
  }

  #schema(schema: JsonValue, path: Path): void {
    const place: PlaceOfSchema = { path, sameValue: [] };
    this.#places.set(pointerOf(path), place);
    if (typeof schema === 'boolean') return;
    if (!isJsonObject(schema)) {
      this.#report('a schema must be an object, true or false', path);
      return;
    }
    for (const [name, value] of Object.entries(schema)) this.#keyword(name, value, place);
    this.#default(schema, path);
  }

  #keyword(name: string, value: JsonValue, place: PlaceOfSchema): void {
    const path = [...place.path, name];
    const kind = keywords.get(name);
    if (kind === undefined) {
      if (!name.startsWith('x-')) this.#unknown(name, path);
      return;
    }
    const fault = faultOf(kind, value);
    if (fault !== undefined) {
      const next = name === 'items' && Array.isArray(value) ? 'write prefixItems' : undefined;
      this.#report(`"${name}" ${fault}`, path, next);
      return;
    }
    if (name === 'secret' && value === true && this.#use === 'form')
      this.#report('"secret" is for parameters of a run: what is sent with a signal is kept as it is', path);
    else if (name === 'secret' && value === true && !isOneParameter(place.path)) {
      const next = 'make the value a property of its own, of an object that is no list item and no alternative';
      this.#report('"secret" stands only in "properties", where one value is meant', path, next);
    } else if (name === 'secret' && value === true) this.#secrets.push(pointerOf(place.path));
    this.#inside(kind, name, value, place);
  }

  #inside(kind: Kind, name: string, value: JsonValue, place: PlaceOfSchema): void {
    const path = [...place.path, name];
    const go = (schema: JsonValue, at: Path): void => {
      if (sameValue.has(name)) place.sameValue.push(pointerOf(at));
      this.#schema(schema, at);
    };
    if (kind === 'schema') go(value, path);
    if (kind === 'schemas' && Array.isArray(value)) for (const [i, item] of value.entries()) go(item, [...path, i]);
    if ((kind === 'schemaMap' || kind === 'patternMap') && isJsonObject(value))
      for (const [key, item] of Object.entries(value)) go(item, [...path, key]);
    for (const pattern of patternsOf(kind, value)) this.#pattern(pattern, path);
    if (kind === 'ref' && typeof value === 'string') this.#refs.push({ from: place, ref: value, path });
    if (kind === 'dialect') this.#dialect(value, path);
  }

  #unknown(name: string, path: Path): void {
    const shown = JSON.stringify(name.slice(0, 80));
    const instead = insteadOf.get(name);
    if (instead !== undefined) {
      this.#report(`${shown} is not supported`, path, instead, { onKey: true });
      return;
    }
    const near = nearest(name, keywords.keys());
    const hint = near === undefined ? {} : { hint: `did you mean "${near}"?` };
    const next = near === undefined ? 'remove it, or begin its name with x- if it is a note' : undefined;
    this.#report(`${shown} is no keyword of JSON Schema 2020-12`, path, next, { onKey: true, ...hint });
  }

  #dialect(value: JsonValue, path: Path): void {
    if (path.length > 1) this.#report('"$schema" stands only at the top', path, 'remove it');
    else if (value !== DIALECT) this.#report('only JSON Schema 2020-12 is supported', path, `remove it, or ${DIALECT}`);
  }

  #pattern(source: string, path: Path): void {
    this.#patternSize += sizeOfPattern(source);
    if (this.#patternSize > limits.patternSizeMax) {
      this.#report('the patterns are too large when their repeats are written out', path, 'repeat fewer times');
      return;
    }
    try {
      compilePattern(source);
    } catch (error) {
      const fact = error instanceof Error ? error.message : String(error);
      const next = 'patterns are RE2, which has no lookahead and no back references: write it without them';
      this.#report(`"${path.at(-1)}" cannot be read: ${fact.slice(0, 200)}`, path, next);
    }
  }

  #ref(from: PlaceOfSchema, ref: string, path: Path): void {
    if (!ref.startsWith('#')) {
      this.#report('"$ref" leads out of this document', path, 'copy the schema into $defs and write #/$defs/NAME');
      return;
    }
    const pointer = resolveRef(ref);
    if (pointer !== undefined && this.#places.has(pointer)) {
      from.sameValue.push(pointer);
      this.#refToSecret(pointer, path);
      return;
    }
    const near = nearest(
      ref,
      [...this.#places.keys()].map((key) => `#${key}`),
    );
    const hint = near === undefined ? {} : { hint: `did you mean "${near}"?` };
    this.#report('"$ref" leads to no schema of this document', path, undefined, hint);
  }

  /** Which parameters are secret is said by where `secret` stands: what is meant by a reference to it would be stored and shown. */
  #refToSecret(pointer: string, path: Path): void {
    const secret = this.#secrets.find((each) => each === pointer || each.startsWith(`${pointer}/`));
    if (secret === undefined || this.#use === 'form') return;
    const fact = secret === pointer ? 'is secret' : `has a secret in it, "#${secret}"`;
    const next = 'write that schema out here, with its "secret: true", or refer to a schema without secrets';
    this.#report(`"$ref" leads to a schema that ${fact}: what stands here would not be secret`, path, next);
  }

  /** Found here and not by the first start that needs it. */
  #default({ default: value, type }: JsonObject, path: Path): void {
    const types = [type].flat().filter((name) => typeof name === 'string' && typeNames.includes(name));
    if (value === undefined || types.length === 0 || types.some((name) => isOfType(value, name))) return;
    this.#report(`"default" is no ${types.join(' or ')}`, [...path, 'default']);
  }
}

function isOfType(value: JsonValue, type: JsonValue | undefined): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isJsonObject(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}

/** Reached from the top through `properties` alone: such a schema holds for one value, known by its keys. */
function isOneParameter(path: Path): boolean {
  return path.length >= 2 && path.length % 2 === 0 && path.every((part, i) => i % 2 === 1 || part === 'properties');
}
