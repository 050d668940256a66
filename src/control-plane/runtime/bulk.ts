/**
 * One action on every run that fits a filter: page by page, newest first, and every page is done before the next is read. A page
 * is small, so that neither a batch nor a turn of the loop gets long, however many runs there are; in between, everybody else has
 * their turn. What comes into being meanwhile is newer than the pages that are left, so it is left alone.
 */
import { limits } from '../../core/limits.ts';
import type { RunFilter, RunRow, Store } from '../store/port.ts';

export interface BulkProgress {
  /** Runs so far that fit. */
  readonly matched: number;
  /** Of those: on which the action did something. */
  readonly changed: number;
  /** The first that fit, newest first. */
  readonly runIds: readonly string[];
  readonly isDone: boolean;
}

export interface BulkOptions {
  readonly store: Pick<Store, 'listRuns'>;
  readonly namespace: string;
  readonly filter: RunFilter;
  /** Ids below this one; '': all. */
  readonly before: string;
  /** Answers whether it did something. Undefined: the runs are only counted. */
  readonly act: ((row: RunRow) => Promise<boolean>) | undefined;
  readonly signal: AbortSignal;
}

/** Tells after every page how far it is, the last time with `isDone`. Throws what `act` throws and the reason of the signal. */
export async function* actOnRuns(options: BulkOptions): AsyncGenerator<BulkProgress> {
  const { store, namespace, filter, act, signal } = options;
  const limit = act === undefined ? limits.pageSizeMax : limits.bulkPortion;
  const runIds: string[] = [];
  let matched = 0;
  let changed = 0;
  for (let before = options.before; ; ) {
    signal.throwIfAborted();
    const { runs, next } = await store.listRuns({ namespace, ...filter, before, limit });
    if (act !== undefined) changed += (await Promise.all(runs.map(act))).filter(Boolean).length;
    matched += runs.length;
    runIds.push(...runs.slice(0, limits.bulkIdsMax - runIds.length).map((row) => row.runId));
    yield { matched, changed, runIds: [...runIds], isDone: next === '' };
    if (next === '') return;
    before = next;
  }
}
