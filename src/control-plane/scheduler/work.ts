/**
 * Counts the elementary operations of the index (heap moves, instances looked at, entries moved), so that tests can
 * show how the work of one assignment grows without a stopwatch.
 */
export interface Work {
  steps: number;
}
