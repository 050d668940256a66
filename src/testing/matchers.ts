/** Matchers for vitest, registered when this module is loaded in a test of vitest. */
import { formatEntry, type HistoryEntry } from './history.ts';

/** Something with a history: a run of a `TestMesh`. */
export interface WithHistory {
  history(): readonly HistoryEntry[];
}

interface MatcherResult {
  readonly pass: boolean;
  readonly message: () => string;
  readonly actual?: unknown;
  readonly expected?: unknown;
}

export const matchers = { toHaveHistory };

/** Every attempt with its outcome, such as `extract#1 LOST`, in the order of the starts; nothing more and nothing less. */
function toHaveHistory(received: WithHistory, expected: readonly string[]): MatcherResult {
  const actual = received.history().map(formatEntry);
  const pass = actual.length === expected.length && actual.every((entry, i) => entry === expected[i]);
  const list = (entries: readonly string[]): string => entries.map((entry) => `\n  ${entry}`).join('') || '\n  (none)';
  return {
    pass,
    message: () => `the run ${pass ? 'has' : 'does not have'} the history:${list(expected)}\nit is:${list(actual)}`,
    actual,
    expected,
  };
}

declare module 'vitest' {
  // The parameters are those of vitest's own declaration; they have to be the same for the two to merge.
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> {
    toHaveHistory(expected: readonly string[]): R;
  }
}
