/**
 * The `class` column of a task: a letter for the priority, then the scheduler's class key. A step with a concurrency key has that in
 * front of it, as JSON in a line of its own: what runs and what waits is known of the key after a restart without any run.
 */
import type { Priority } from '../../workflow/definition.ts';
import type { StepKey } from '../scheduler/types.ts';

const LETTERS: Readonly<Record<Priority, string>> = { critical: 'c', high: 'h', normal: 'n', low: 'l' };
const PRIORITIES: Readonly<Record<string, Priority>> = { c: 'critical', h: 'high', n: 'normal', l: 'low' };

export interface TaskClass {
  readonly priority: Priority;
  readonly classKey: string;
  /** Absent: none. */
  readonly key?: StepKey;
}

export function encodeTaskClass({ priority, classKey, key }: TaskClass): string {
  return `${LETTERS[priority]}${key === undefined ? '' : `${JSON.stringify([key.name, key.limit])}\n`}${classKey}`;
}

export function decodeTaskClass(text: string): TaskClass {
  const line = text.indexOf('\n');
  const common = { priority: PRIORITIES[text.charAt(0)] ?? 'normal', classKey: text.slice(Math.max(1, line + 1)) };
  const key = line < 0 ? undefined : readKey(text.slice(1, line));
  return key === undefined ? common : { ...common, key };
}

function readKey(text: string): StepKey | undefined {
  const value: unknown = JSON.parse(text);
  if (!Array.isArray(value)) return undefined;
  const [name, limit] = value;
  return typeof name === 'string' && typeof limit === 'number' ? { name, limit } : undefined;
}
