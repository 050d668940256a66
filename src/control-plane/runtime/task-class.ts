/** The `class` column of a task: a letter for the priority, then the scheduler's class key. */
import type { Priority } from '../../workflow/definition.ts';

const LETTERS: Readonly<Record<Priority, string>> = { critical: 'c', high: 'h', normal: 'n', low: 'l' };
const PRIORITIES: Readonly<Record<string, Priority>> = { c: 'critical', h: 'high', n: 'normal', l: 'low' };

export function encodeTaskClass(priority: Priority, classKey: string): string {
  return LETTERS[priority] + classKey;
}

export function decodeTaskClass(text: string): { readonly priority: Priority; readonly classKey: string } {
  return { priority: PRIORITIES[text.charAt(0)] ?? 'normal', classKey: text.slice(1) };
}
