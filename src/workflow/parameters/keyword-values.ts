/** What may stand behind each keyword. */
import { isJsonObject, type JsonValue } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import { type Kind, typeNames } from './keywords.ts';

/** What is wrong with the value of a keyword: `must be ...`. Undefined: nothing. */
export function faultOf(kind: Kind, value: JsonValue): string | undefined {
  switch (kind) {
    case 'schema':
      return isSchema(value) ? undefined : 'must be a schema: an object, true or false';
    case 'schemas':
      return isList(value) && value.length > 0 ? undefined : 'must be a list of at least one schema';
    case 'schemaMap':
    case 'patternMap':
      return isJsonObject(value) ? unusableName(Object.keys(value)) : 'must be an object of schemas';
    case 'number':
      return typeof value === 'number' ? undefined : 'must be a number';
    case 'positive':
      return typeof value === 'number' && value > 0 ? undefined : 'must be a number above 0';
    case 'count':
      return Number.isSafeInteger(value) && Number(value) >= 0 ? undefined : 'must be a whole number from 0';
    case 'flag':
      return typeof value === 'boolean' ? undefined : 'must be true or false';
    case 'names':
      return namesFault(value);
    case 'namesMap':
      return isJsonObject(value) ? namesMapFault(value) : 'must be an object of lists of names';
    case 'types':
      return typesFault(value);
    case 'values':
      return valuesFault(value);
    case 'pattern':
    case 'ref':
    case 'dialect':
    case 'text':
      return typeof value === 'string' ? undefined : 'must be text';
    case 'any':
    case 'note':
      return undefined;
  }
}

/** The regular expressions in the value of a keyword. */
export function patternsOf(kind: Kind, value: JsonValue): readonly string[] {
  if (kind === 'pattern' && typeof value === 'string') return [value];
  return kind === 'patternMap' && isJsonObject(value) ? Object.keys(value) : [];
}

function isSchema(value: JsonValue): boolean {
  return typeof value === 'boolean' || isJsonObject(value);
}

function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function namesFault(value: JsonValue | undefined): string | undefined {
  if (!isList(value) || !value.every((name) => typeof name === 'string')) return 'must be a list of names';
  return new Set(value).size === value.length ? unusableName(value.map(String)) : 'has a name twice';
}

function namesMapFault(value: Readonly<Record<string, JsonValue>>): string | undefined {
  return (
    unusableName(Object.keys(value)) ??
    Object.values(value)
      .map(namesFault)
      .find((fault) => fault !== undefined)
  );
}

/** JavaScript gives every object something of this name. */
function unusableName(names: readonly string[]): string | undefined {
  return names.includes('__proto__') ? 'must not name "__proto__"' : undefined;
}

function typesFault(value: JsonValue): string | undefined {
  const names = isList(value) ? value : [value];
  const areKnown = names.length > 0 && names.every((name) => typeof name === 'string' && typeNames.includes(name));
  if (areKnown && new Set(names).size === names.length) return undefined;
  return `must be one or several of ${typeNames.join(', ')}`;
}

function valuesFault(value: JsonValue): string | undefined {
  if (!isList(value) || value.length === 0) return 'must be a list of at least one value';
  return value.length > limits.enumValuesMax
    ? `has ${value.length} values, at most ${limits.enumValuesMax}`
    : undefined;
}
