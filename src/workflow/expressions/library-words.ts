/** What the library of CEL says of a failure, in the words that the rest of the product uses. */

const OVERLOAD = /^found no matching overload for '?(.+?)'? applied to '(?:(\S+)\.)?\((.*)\)'$/;
const NOT_BOOLEAN = /^type mismatch: expected bool, got (\S+)$/;
/** Operators that want true or false. */
const LOGIC: ReadonlySet<string> = new Set(['_?_:_', '!_', '_&&_', '_||_']);

const OTHERS: readonly (readonly [pattern: RegExp, words: string])[] = [
  [/^Failed to parse timestamp/, 'this is no time with its offset, such as 2026-12-01T09:00:00Z'],
  [/^Failed to parse duration/, 'this is no duration such as 90s, 1h30m or 48h (there are no days)'],
  [/^Cannot convert .* to a BigInt$/s, 'this is no whole number'],
];

export function inOurWords(message: string): string {
  const [, name = '', target, given = ''] = OVERLOAD.exec(message) ?? [];
  if (name !== '') return LOGIC.has(name) ? notBoolean(given) : notTaken(name.replace(/^@/, ''), target, given);
  const [, type] = NOT_BOOLEAN.exec(message) ?? [];
  if (type !== undefined) return notBoolean(type);
  return OTHERS.find(([pattern]) => pattern.test(message))?.[1] ?? message;
}

function notBoolean(type: string): string {
  return `true or false is needed here, not ${kindOfType(type)}`;
}

function notTaken(name: string, target: string | undefined, given: string): string {
  const kinds = given === '' ? 'nothing' : given.split(', ').map(kindOfType).join(' and ');
  if (target === undefined) return `${name}() does not take ${kinds}`;
  return `${name}() does not work on ${kindOfType(target)}, with ${kinds}`;
}

function kindOfType(type: string): string {
  switch (type) {
    case 'double':
    case 'int':
    case 'uint':
      return 'a number';
    case 'null_type':
      return 'null';
    case 'map':
      return 'an object';
    case 'bool':
      return 'a boolean';
    default:
      return `a ${type.replace(/^.*\./, '').toLowerCase()}`;
  }
}
