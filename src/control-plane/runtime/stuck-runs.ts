/** Pages of runs that are stuck: a filter over what is in memory, not over the store. */
import type { RunFilter, RunPage, RunQuery, RunRow } from '../store/port.ts';
import type { RunHolder } from './run-holder.ts';

/** `stuck`: ids, newest first. */
export async function listStuck(
  { namespace, before, limit, ...filter }: RunQuery,
  stuck: readonly string[],
  rowOf: (runId: string) => Promise<RunRow | undefined>,
): Promise<RunPage> {
  const runs: RunRow[] = [];
  for (const runId of stuck) {
    if (before !== '' && runId >= before) continue;
    if (runs.length === limit) return { runs, next: runs.at(-1)?.runId ?? '' };
    const row = await rowOf(runId);
    if (row !== undefined && row.namespace === namespace && fits(row, filter)) runs.push(row);
  }
  return { runs, next: '' };
}

/** The row of a run in memory, with its status of now. */
export function currentRow(holder: RunHolder | undefined): RunRow | undefined {
  const { row, state } = holder ?? {};
  return row === undefined || state === undefined ? row : { ...row, status: state.status };
}

/** As the store looks at its rows. */
function fits(row: RunRow, { workflow, statuses = [], labels = {}, failureCode, from = '' }: RunFilter): boolean {
  return (
    row.runId >= from &&
    (workflow === undefined || row.workflow === workflow) &&
    (statuses.length === 0 || statuses.includes(row.status)) &&
    (failureCode === undefined || row.failureCode === failureCode) &&
    Object.entries(labels).every(([name, value]) => Object.hasOwn(row.labels, name) && row.labels[name] === value)
  );
}
