/** The options that every command has. */

import { parseDuration } from '../core/duration.ts';
import { type Problem, YardmasterError } from '../core/errors.ts';

export const formats = ['table', 'wide', 'json', 'jsonl', 'yaml', 'name'] as const;
export type Format = (typeof formats)[number];
export const colourModes = ['auto', 'always', 'never'] as const;
export const progressModes = ['auto', 'tty', 'plain', 'none'] as const;
export type ProgressMode = (typeof progressModes)[number];

export interface GlobalOptions {
  readonly url?: string;
  readonly output?: Format;
  readonly json?: boolean;
  readonly color?: (typeof colourModes)[number];
  readonly progress?: ProgressMode;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  /** Milliseconds. */
  readonly timeout?: number;
  readonly utc?: boolean;
}

/** Reads `30s` on the command line. */
export function readDuration(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  throw usageError(`Cannot read the duration "${text}": it is not like 500ms, 30s, 5m or 1h`);
}

/** Reads `1h` (before now) or `2026-11-24T12:00:00Z` on the command line. */
export function readMoment(text: string, nowMs: number): Date {
  const ms = parseDuration(text);
  const moment = new Date(ms === undefined ? text : nowMs - ms);
  // Other texts that Date reads, such as `1`, mean something else to everybody.
  if (!Number.isNaN(moment.getTime()) && (ms !== undefined || /^\d{4}-\d{2}-\d{2}/.test(text))) return moment;
  throw usageError(`Cannot read the time "${text}": it is not like 30m, 1h or 2d, nor like 2026-11-24T12:00:00Z`);
}

export function readCount(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw usageError(`Cannot read the number "${text}": it is not a whole number from 1`);
}

/** Exit code 2. */
export function usageError(message: string, next?: string, problems: readonly Problem[] = []): YardmasterError {
  const meta = { status: 'INVALID_ARGUMENT' };
  return new YardmasterError('USAGE', message, { meta, problems, ...(next === undefined ? {} : { next }) });
}

/** An option that may be repeated. */
export function collect(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}

/** `key=value` pairs as an object. Throws USAGE with every one that is none. */
export function readPairs(pairs: readonly string[]): Readonly<Record<string, string>> {
  refuseAll(
    pairs.filter((pair) => pair.indexOf('=') < 1).map((pair) => `Cannot read "${pair}": it is not like key=value`),
  );
  return Object.fromEntries(
    pairs.map((pair): readonly [string, string] => {
      const equals = pair.indexOf('=');
      return [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );
}

/** Throws USAGE with all of `messages`, if there is one. */
export function refuseAll(messages: readonly string[]): void {
  const [first] = messages;
  if (first === undefined) return;
  if (messages.length === 1) throw usageError(first);
  const problems = messages.map((message) => ({
    code: 'USAGE',
    message: message.charAt(0).toLowerCase() + message.slice(1),
  }));
  throw usageError(`Cannot read the command: ${messages.length} problems`, undefined, problems);
}

export function readPort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw usageError(`Cannot read the port "${text}": it is not a number from 0 to 65535`);
}
