/** What both adapters make of audit rows and of the rows of runs: one list, newest first. */
import type { AuditAction } from '../../core/audit-actions.ts';
import type { AuditQuery, AuditRow, RunRow } from './port.ts';

const RUN_START: AuditAction = 'run.start';

/** The entry of a start, as the row of its run says it. */
export function startEntry(row: RunRow): AuditRow {
  return {
    id: row.runId,
    at: row.queuedAt,
    namespace: row.namespace,
    caller: row.caller,
    action: RUN_START,
    subjectKind: 'RUN',
    subject: row.runId,
    workflow: row.workflow,
    version: row.version,
    requestId: row.requestId ?? '',
    errorCode: '',
    details: {},
  };
}

/** False: no start can be among the answers, so that runs need not be read. */
export function asksForStarts({ action }: AuditQuery): boolean {
  return action === undefined || action === RUN_START;
}

/** The first `limit` of all lists. */
export function mergeNewest(lists: readonly (readonly AuditRow[])[], limit: number): readonly AuditRow[] {
  return lists
    .flat()
    .sort((left, right) => (left.id < right.id ? 1 : -1))
    .slice(0, limit);
}
