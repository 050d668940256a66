/**
 * The calls that handlers of a run made. Its row knows nothing of them (docs/adr/0023-calls.md): they are the child runs whose
 * request ids are those of calls.
 */
import { limits } from '../../core/limits.ts';
import { readCallName } from '../../workflow/call-workflow.ts';
import type { RunQuery, RunRow } from '../store/port.ts';
import { callingStepOf } from './call-start.ts';
import type { ListedCall, ListedCalls, ListedRuns } from './control-plane.ts';
import { isReadTrouble } from './read-trouble.ts';

/** Child runs of other kinds may be among them, such as those of a map: so many pages are looked through. */
const PAGES_MAX = 10;
/** They are beside what is asked for, which may be in memory: a run is told while the store cannot be read, too. */
const UNREADABLE: ListedCalls = { calls: [], isMore: true };

interface Lists {
  list(query: RunQuery): Promise<ListedRuns>;
}

export async function listCalls(lists: Lists, namespace: string, runId: string): Promise<ListedCalls> {
  const calls: ListedCall[] = [];
  const limit = limits.callsShownMax;
  let before = '';
  for (let page = 0; page < PAGES_MAX; page++) {
    const listed = await lists.list({ namespace, parentRunId: runId, before, limit }).catch(unlessReadable);
    if (listed === undefined) return UNREADABLE;
    const { runs, next } = listed;
    calls.push(...runs.flatMap((row) => callOf(row) ?? []));
    before = next;
    if (next === '' || calls.length >= limit) break;
  }
  const isMore = before !== '' || calls.length > limit;
  return { calls: calls.slice(0, limit).reverse(), isMore };
}

function unlessReadable(error: unknown): undefined {
  if (!isReadTrouble(error)) throw error;
}

function callOf(row: RunRow): ListedCall | undefined {
  const step = callingStepOf(row.requestId);
  const called = readCallName(row.workflow);
  return step === undefined || called === undefined ? undefined : { ...step, called, row };
}
