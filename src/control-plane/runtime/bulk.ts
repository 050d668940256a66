/**
 * One action on every run that fits a filter, newest first.
 *
 * 1. Every run is decided in a turn of the loop of its own, and a page is durable before the next one is read: however many
 *    runs there are and however long they are, everybody else has their turn.
 * 2. What starts meanwhile is newer than the pages that are left, so it is left alone.
 */
import type { Clock } from '../../core/clock.ts';
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

type Act = (row: RunRow) => Promise<boolean>;

export interface BulkOptions {
  readonly store: Pick<Store, 'listRuns'>;
  readonly clock: Pick<Clock, 'turn'>;
  readonly namespace: string;
  readonly filter: RunFilter;
  /** Ids below this one; '': all. */
  readonly before: string;
  /** Answers whether it did something. Undefined: the runs are only counted. */
  readonly act: Act | undefined;
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
    if (act !== undefined) changed += await actOnPage(runs, act, options.clock);
    matched += runs.length;
    runIds.push(...runs.slice(0, limits.bulkIdsMax - runIds.length).map((row) => row.runId));
    yield { matched, changed, runIds: [...runIds], isDone: next === '' };
    if (next === '') return;
    before = next;
  }
}

/** Answers on how many it did something, when all are through. */
async function actOnPage(runs: readonly RunRow[], act: Act, clock: Pick<Clock, 'turn'>): Promise<number> {
  const failures: unknown[] = [];
  const acts: Promise<boolean>[] = [];
  for (const row of runs) {
    // Kept until all are through: one that fails while others begin would be a rejection that nobody hears.
    const acting = act(row).catch((error: unknown) => {
      failures.push(error);
      return false;
    });
    acts.push(acting);
    await new Promise<void>((resolve) => clock.turn(resolve));
  }
  const changed = (await Promise.all(acts)).filter(Boolean).length;
  if (failures.length > 0) throw failures[0];
  return changed;
}
