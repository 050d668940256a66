/** Values and ends side by side. */
import { isDeepStrictEqual } from 'node:util';
import type { JsonValue } from '../../../src/core/json.ts';
import type { End, SeenEnd } from './facts.ts';

/** Whether what was seen is what must be; what is not said fits everything. */
export function fits(seen: SeenEnd, { status, reason, code, output }: End): boolean {
  return (
    seen.status === status &&
    (reason === undefined || seen.reason === reason) &&
    (code === undefined || seen.code === code) &&
    (output === undefined || seen.output === undefined || isDeepStrictEqual(plain(seen.output), plain(output)))
  );
}

/** Without prototypes and undefined members, which JSON does not have. */
export function plain(value: JsonValue | undefined): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}
