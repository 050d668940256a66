/** `-p key=value`: typed by the workflow's parameter schema, else read as a YAML scalar. */
import { parse } from 'yaml';
import { isYardmasterError, type YardmasterError } from '../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../core/json.ts';
import { nearest } from '../core/nearest.ts';
import { usageError } from './options.ts';

/** Throws USAGE with everything that `readChanges` refuses, and for each parameter that is missing. */
export function readParameters(pairs: readonly string[], schema: JsonObject | undefined): JsonObject {
  const { parameters, refusals } = readPairs(pairs, schema);
  const missing = missingOf(schema, new Set(pairs.map(nameOf)));
  if (missing.length > 0) refusals.push(missingError(missing));
  return orThrow(parameters, refusals);
}

/** Throws USAGE with every pair without `=`, every value that its type does not fit, and every name that the schema excludes. */
export function readChanges(pairs: readonly string[], schema: JsonObject | undefined): JsonObject {
  const { parameters, refusals } = readPairs(pairs, schema);
  return orThrow(parameters, refusals);
}

interface ReadPairs {
  readonly parameters: JsonObject;
  readonly refusals: YardmasterError[];
}

function readPairs(pairs: readonly string[], schema: JsonObject | undefined): ReadPairs {
  const properties = propertiesOf(schema);
  const members: (readonly [string, JsonValue])[] = [];
  const refusals: YardmasterError[] = [];
  for (const pair of pairs) {
    try {
      members.push(readPair(pair, schema, properties));
    } catch (error) {
      if (!isYardmasterError(error)) throw error;
      refusals.push(error);
    }
  }
  return { parameters: Object.fromEntries(members), refusals };
}

function readPair(pair: string, schema: JsonObject | undefined, properties: JsonObject): readonly [string, JsonValue] {
  const equals = pair.indexOf('=');
  if (equals < 1) throw usageError(`Cannot read the parameter "${pair}": it is not like key=value`);
  const name = nameOf(pair);
  const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
  if (property === undefined && schema?.additionalProperties === false) throw unknownName(name, properties);
  return [name, readParameter(name, pair.slice(equals + 1), typesOf(property))];
}

function nameOf(pair: string): string {
  return pair.slice(0, Math.max(0, pair.indexOf('=')));
}

function propertiesOf(schema: JsonObject | undefined): JsonObject {
  return isJsonObject(schema?.properties) ? schema.properties : {};
}

function orThrow(parameters: JsonObject, refusals: readonly YardmasterError[]): JsonObject {
  const [first, second] = refusals;
  if (first === undefined) return parameters;
  if (second === undefined) throw first;
  const problems = refusals.map(({ code, message, next }) => ({
    code,
    message: message.charAt(0).toLowerCase() + message.slice(1),
    ...(next === undefined ? {} : { next }),
  }));
  throw usageError(`Cannot read the parameters: ${refusals.length} problems`, undefined, problems);
}

/** What has a default is filled in by the control plane. */
function missingOf(schema: JsonObject | undefined, given: ReadonlySet<string>): readonly string[] {
  const required = Array.isArray(schema?.required) ? schema.required.filter((name) => typeof name === 'string') : [];
  return required.filter((name) => !given.has(name) && !hasDefault(propertiesOf(schema), name));
}

function missingError(missing: readonly string[]): YardmasterError {
  const pairs = missing.map((name) => `-p ${name}=...`).join(' ');
  return usageError(`Cannot start the run: the workflow needs ${missing.map((name) => `"${name}"`).join(', ')}`, pairs);
}

function hasDefault(properties: JsonObject, name: string): boolean {
  const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
  return isJsonObject(property) && property.default !== undefined;
}

function unknownName(name: string, properties: JsonObject): Error {
  const names = Object.keys(properties);
  const close = nearest(name, names);
  const fact = close === undefined ? `it has ${names.join(', ') || 'no parameters'}` : `did you mean "${close}"?`;
  return usageError(`Cannot set the parameter "${name}": the workflow does not have it; ${fact}`);
}

/** JSON Schema types; empty: any. */
function typesOf(property: JsonValue | undefined): readonly string[] {
  if (!isJsonObject(property)) return [];
  const { type } = property;
  if (typeof type === 'string') return [type];
  return Array.isArray(type) ? type.filter((name) => typeof name === 'string') : [];
}

function readParameter(name: string, text: string, types: readonly string[]): JsonValue {
  if (types.length === 1 && types[0] === 'string') return text;
  const value = readScalar(name, text);
  if (types.length === 0 || types.includes(typeNameOf(value)) || isIntegerFor(value, types)) return value;
  if (types.includes('string')) return text;
  throw usageError(`Cannot set the parameter "${name}": "${text}" is no ${types.join(' or ')}`);
}

function readScalar(name: string, text: string): JsonValue {
  try {
    const value: unknown = parse(text, { schema: 'core', maxAliasCount: 0 });
    return JSON.parse(JSON.stringify(value ?? null));
  } catch (error) {
    const fact = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw usageError(`Cannot read the parameter "${name}": ${fact}`, `quote it: -p '${name}="..."'`);
  }
}

function typeNameOf(value: JsonValue): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value;
}

function isIntegerFor(value: JsonValue, types: readonly string[]): boolean {
  return types.includes('integer') && typeof value === 'number' && Number.isInteger(value);
}
