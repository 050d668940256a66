/** Outside values as plain JSON: a deep copy that refuses what JSON cannot hold. */
import type { JsonValue } from '../core/json.ts';
import { limits } from '../core/limits.ts';
import type { Path } from './finding.ts';

/** Called with what is wrong and where, relative to the copied value. */
export type Refuse = (message: string, path: Path) => void;

/** Undefined members are left out, as `JSON.stringify` does. What is refused becomes null. */
export function copyJson(value: unknown, refuse: Refuse, path: Path = []): JsonValue {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : refused(`${value} is not a JSON number`, refuse, path);
    case 'object':
      return value === null ? null : copyContainer(value, refuse, path);
    default:
      return refused(`a ${typeof value} is not a JSON value`, refuse, path);
  }
}

function copyContainer(value: object, refuse: Refuse, path: Path): JsonValue {
  if (path.length >= limits.valueDepthMax) return refused(`nested deeper than ${limits.valueDepthMax}`, refuse, path);
  if (Array.isArray(value)) return value.map((item: unknown, i) => copyJson(item, refuse, [...path, i]));
  if (!isRecord(value)) return refused(`a ${value.constructor.name} is not a JSON value`, refuse, path);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  // fromEntries defines own members, so a key named __proto__ stays data.
  return Object.fromEntries(members.map(([key, member]) => [key, copyJson(member, refuse, [...path, key])]));
}

/** A plain object, whatever keys it has. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function refused(message: string, refuse: Refuse, path: Path): null {
  refuse(message, path);
  return null;
}
