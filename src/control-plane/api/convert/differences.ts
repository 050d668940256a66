/** Where two JSON documents differ, for people: the place, what one has there and what the other has. */
import { canonicalJson, isJsonObject, type JsonValue } from '../../../core/json.ts';

const SHOWN_CHARS = 80;

/** `left` and `right`: undefined is nothing. Lists that differ are shown whole. Found as they are asked for. */
export function* differencesOf(
  left: JsonValue | undefined,
  right: JsonValue | undefined,
  place: string,
): Generator<string> {
  if (isJsonObject(left) && isJsonObject(right)) {
    const names = [...new Set([...Object.keys(left), ...Object.keys(right)])].sort();
    for (const name of names) yield* differencesOf(ownOf(left, name), ownOf(right, name), `${place}.${name}`);
  } else if (!isSame(left, right)) yield `${place}: ${shown(left)}, here ${shown(right)}`;
}

function isSame(left: JsonValue | undefined, right: JsonValue | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  return canonicalJson(left) === canonicalJson(right);
}

function ownOf(object: { readonly [name: string]: JsonValue }, name: string): JsonValue | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function shown(value: JsonValue | undefined): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length <= SHOWN_CHARS ? text : `${text.slice(0, SHOWN_CHARS - 3)}...`;
}
