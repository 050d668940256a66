/** What ajv found, as problems: the place in the parameters and what must be there. Values are never shown: they may be secret. */
import type { ErrorObject } from 'ajv/dist/2020.js';
import type { Problem } from '../../core/errors.ts';
import { isJsonObject, type JsonValue } from '../../core/json.ts';
import { nearest } from '../../core/nearest.ts';
import { formatPath, type Path } from '../../workflow/finding.ts';
import { type Folded, foldAlternatives } from './alternatives.ts';

const PLACE_CHARS_MAX = 256;
const ALLOWED_SHOWN = 10;
const ALLOWED_CHARS_MAX = 200;
/** Of a schema that was tried for one that has its own error. */
const ONLY_FRAMES: ReadonlySet<string> = new Set(['if', 'propertyNames']);

/** Every problem of `value`, in the order of the schema. */
export function describeErrors(errors: readonly ErrorObject[], value: JsonValue): readonly Problem[] {
  return foldAlternatives(errors.filter(({ keyword }) => !ONLY_FRAMES.has(keyword))).map((folded) =>
    toProblem(folded, value),
  );
}

function toProblem({ error, inside }: Folded, value: JsonValue): Problem {
  const { path, found } = locate(error.instancePath, value);
  const at = [...path, ...memberOf(error)];
  const pointer = cut(formatPath(['parameters', ...at]), PLACE_CHARS_MAX);
  const hint = hintOf(error);
  const text = inside.length === 0 ? factOf(error, found) : alternativesOf(inside, found, at, value);
  return {
    code: 'PARAMETERS_INVALID',
    message: `${pointer} ${text}${hint === undefined ? '' : `; ${hint}`}`,
    place: { pointer },
  };
}

/** The value at a JSON Pointer, and the way to it with the indices of lists as numbers. */
function locate(pointer: string, value: JsonValue): { readonly path: Path; readonly found: JsonValue | undefined } {
  const path: (string | number)[] = [];
  let found: JsonValue | undefined = value;
  for (const token of pointer.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(found)) {
      path.push(Number(key));
      found = found[Number(key)];
    } else {
      path.push(key);
      found = isJsonObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
    }
  }
  return { path, found };
}

/** The member that is missing, or should not be there. */
function memberOf({ params, propertyName }: ErrorObject): Path {
  const name: unknown =
    params.missingProperty ?? params.additionalProperty ?? params.unevaluatedProperty ?? propertyName;
  return typeof name === 'string' ? [name] : [];
}

function hintOf({ params, parentSchema }: ErrorObject): string | undefined {
  const name: unknown = params.additionalProperty;
  const known: unknown = parentSchema?.properties;
  if (typeof name !== 'string' || !isJsonObject(known)) return undefined;
  const names = Object.keys(known);
  const near = nearest(name, names);
  if (near !== undefined) return `did you mean "${near}"?`;
  return `the schema has ${names.length === 0 ? 'none' : cut(names.join(', '), ALLOWED_CHARS_MAX)}`;
}

function factOf({ keyword, params, propertyName, message }: ErrorObject, found: JsonValue | undefined): string {
  const what = propertyName === undefined ? '' : 'has a name that ';
  const describe = facts[keyword];
  return `${what}${describe === undefined ? (message ?? 'does not fit') : describe(params, found)}`;
}

type Params = ErrorObject['params'];

const facts: Readonly<Record<string, (params: Params, found: JsonValue | undefined) => string>> = {
  type: ({ type }, found) => `must be ${[type].flat().join(' or ')}, not ${typeNameOf(found)}`,
  required: () => 'is missing',
  dependentRequired: ({ property }) => `is missing; it is needed with "${property}"`,
  additionalProperties: () => 'is not known',
  unevaluatedProperties: () => 'is not known',
  unevaluatedItems: ({ len }) => `must have at most ${len} items`,
  enum: ({ allowedValues }) => `must be ${listAllowed(allowedValues)}`,
  const: ({ allowedValue }) => `must be ${cut(JSON.stringify(allowedValue), ALLOWED_CHARS_MAX)}`,
  minimum: ({ limit }) => `must be at least ${limit}`,
  maximum: ({ limit }) => `must be at most ${limit}`,
  exclusiveMinimum: ({ limit }) => `must be more than ${limit}`,
  exclusiveMaximum: ({ limit }) => `must be less than ${limit}`,
  multipleOf: ({ multipleOf }) => `must be a multiple of ${multipleOf}`,
  minLength: ({ limit }) => `must have at least ${limit} characters`,
  maxLength: ({ limit }) => `must have at most ${limit} characters`,
  pattern: ({ pattern }) => `must match ${cut(String(pattern), ALLOWED_CHARS_MAX)}`,
  minItems: ({ limit }) => `must have at least ${limit} items`,
  maxItems: ({ limit }) => `must have at most ${limit} items`,
  items: ({ limit }) => `must have at most ${limit} items`,
  uniqueItems: ({ i, j }) => `must not have the same item twice (${j} and ${i})`,
  contains: ({ minContains, maxContains }) =>
    `must have ${maxContains === undefined ? `at least ${minContains}` : `${minContains} to ${maxContains}`} items of the kind that the schema states`,
  minProperties: ({ limit }) => `must have at least ${limit} members`,
  maxProperties: ({ limit }) => `must have at most ${limit} members`,
  anyOf: () => 'fits none of the alternatives',
  oneOf: ({ passingSchemas }) =>
    passingSchemas === null ? 'fits none of the alternatives' : 'fits several alternatives, must fit one',
  not: () => 'is what the schema excludes',
  'false schema': () => 'must not be there',
};

/** `must be string or number, not boolean`, when that is all; else what each alternative asks for. */
function alternativesOf(
  inside: readonly ErrorObject[],
  found: JsonValue | undefined,
  at: Path,
  value: JsonValue,
): string {
  const types = inside.map(({ keyword, params, instancePath }) =>
    keyword === 'type' && instancePath === inside[0]?.instancePath ? [params.type].flat() : undefined,
  );
  if (types.every((names) => names !== undefined))
    return `must be ${[...new Set(types.flat())].join(' or ')}, not ${typeNameOf(found)}`;
  const told = inside.slice(0, ALLOWED_SHOWN).map((error) => {
    const place = locate(error.instancePath, value);
    const below = [...place.path, ...memberOf(error)].slice(at.length);
    return `${below.length === 0 ? 'it' : formatPath(below)} ${factOf(error, place.found)}`;
  });
  const more = inside.length > told.length ? ' | ...' : '';
  return `fits none of the alternatives: ${cut([...new Set(told)].join(' | '), ALLOWED_CHARS_MAX * 2)}${more}`;
}

function listAllowed(values: readonly JsonValue[]): string {
  const shown = values.slice(0, ALLOWED_SHOWN).map((value) => JSON.stringify(value));
  const more = values.length > shown.length ? ', ...' : '';
  return `${values.length === 1 ? '' : 'one of '}${cut(shown.join(', '), ALLOWED_CHARS_MAX)}${more}`;
}

function typeNameOf(value: JsonValue | undefined): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value;
}

function cut(text: string, chars: number): string {
  return text.length <= chars ? text : `${text.slice(0, chars - 3)}...`;
}
