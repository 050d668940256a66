/**
 * A reference to a secret inside a JSON value. The value itself only shows `secret:NAME`, which anybody could write; what
 * makes it a reference is a mark beside the value, that says where it stands. Only the control plane makes marks.
 */
import { isJsonObject, type JsonValue } from './json.ts';

export interface SecretMark {
  /** JSON Pointer of the text in the value. */
  readonly pointer: string;
  /** Where in that text `secret:NAME` stands, in UTF-16 units. */
  readonly offset: number;
  readonly name: string;
}

/** Names are those of environment variables, so that every provider can have them. */
export const SECRET_NAME_PATTERN = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
export const SECRET_PREFIX = 'secret:';

/** What a reference looks like where people see it. */
export function showReference(name: string): string {
  return `${SECRET_PREFIX}${name}`;
}

/** The pointer of a member or an item of what stands at `pointer`. */
export function extendPointer(pointer: string, key: string | number): string {
  return `${pointer}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** The value with every marked reference replaced by what `read` answers; nothing else in it is looked at. */
export function resolveMarks(
  value: JsonValue,
  marks: readonly SecretMark[],
  read: (name: string) => string,
): JsonValue {
  const byPointer = Map.groupBy(marks, (mark) => mark.pointer);
  return resolveAt(value, '', byPointer, read);
}

function resolveAt(
  value: JsonValue,
  pointer: string,
  marks: ReadonlyMap<string, readonly SecretMark[]>,
  read: (name: string) => string,
): JsonValue {
  if (typeof value === 'string') return resolveText(value, marks.get(pointer) ?? [], read);
  if (Array.isArray(value)) return value.map((item, i) => resolveAt(item, extendPointer(pointer, i), marks, read));
  if (!isJsonObject(value)) return value;
  const members = Object.entries(value).map(
    ([key, item]) => [key, resolveAt(item, extendPointer(pointer, key), marks, read)] as const,
  );
  // Defines own properties, so that a key such as `__proto__` stays a key.
  return Object.fromEntries(members);
}

function resolveText(text: string, marks: readonly SecretMark[], read: (name: string) => string): string {
  let resolved = '';
  let at = 0;
  for (const { offset, name } of marks.toSorted((a, b) => a.offset - b.offset)) {
    const reference = showReference(name);
    if (offset < at || !text.startsWith(reference, offset)) throw new Error(`no reference to "${name}" at its mark`);
    resolved += text.slice(at, offset) + read(name);
    at = offset + reference.length;
  }
  return resolved + text.slice(at);
}
