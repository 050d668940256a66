/** Walking into data: one set of words for what is missing, whether the plain walk or CEL found it. */
import { type CelValue, isCelList, isCelMap } from '@bufbuild/cel';
import { YardmasterError } from '../../core/errors.ts';
import { isJsonObject, type JsonValue } from '../../core/json.ts';

export type Key = string | number;

const IDENTIFIER = /^[A-Za-z_]\w*$/;

/** `params.rows` + 3 -> `params.rows[3]`. */
export function extendPath(path: string, key: Key): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  return IDENTIFIER.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
}

/** One level down in JSON; undefined when it is not there. Own members only. */
export function member(value: JsonValue, key: Key): JsonValue | undefined {
  if (typeof key === 'number') return Array.isArray(value) ? value[key] : undefined;
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** The error for `path` having no `key`; `kind` says what stands at `path`. */
export function missingData(path: string, key: Key, kind: string): YardmasterError {
  const whole = extendPath(path, key);
  const fact =
    kind === 'object' ? `has no ${JSON.stringify(key)}` : kind.startsWith('list') ? `is a ${kind}` : `is ${kind}`;
  const next = `default(${whole}, ...) or has(${whole}) where it may be missing`;
  return new YardmasterError('MISSING_DATA', `cannot read "${whole}": ${path} ${fact}`, {
    meta: { path: whole },
    next,
  });
}

export function kindOfJson(value: JsonValue): string {
  if (Array.isArray(value)) return listKind(value.length);
  if (value === null) return 'null';
  return isJsonObject(value) ? 'object' : `a ${typeof value}`;
}

/** The same words for a CEL value. */
export function kindOf(value: CelValue): string {
  if (isCelList(value)) return listKind(value.size);
  if (isCelMap(value)) return 'object';
  if (value === null) return 'null';
  if (typeof value === 'bigint') return 'a number';
  return typeof value === 'object' ? `a ${nameOfObject(value)}` : `a ${typeof value}`;
}

function listKind(size: number): string {
  return `list of ${size}`;
}

function nameOfObject(value: CelValue & object): string {
  if (value instanceof Uint8Array) return 'bytes value';
  if ('desc' in value && 'typeName' in Object(value.desc))
    return String(Object(value.desc).typeName).replace(/^.*\./, '').toLowerCase();
  return 'value';
}
