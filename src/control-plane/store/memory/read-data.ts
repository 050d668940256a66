/** Queries over memory data. They scan where the disk has an index: the data of a test is small. */
import { firstUlidAt } from '../../../core/ids.ts';
import { isRunOver } from '../../engine/status.ts';
import { mergeNewest, startEntry } from '../audit-entries.ts';
import { decodeEvents } from '../codec/decode.ts';
import { trimRow } from '../journal-row.ts';
import type {
  AgentEventRow,
  AgentKey,
  AgentLabelsRow,
  AuditQuery,
  AuditRow,
  JournalRow,
  QueuedRun,
  RunPage,
  RunQuery,
  RunRow,
  ScheduleKey,
  ScheduleRow,
  TaskKey,
  TaskRow,
  WorkflowRow,
} from '../port.ts';
import { agentKey, scheduleKey } from './apply-batch.ts';
import type { MemoryData } from './memory-data.ts';

export function readActiveRuns(data: MemoryData, after: string, limit: number): RunRow[] {
  return nextRuns(data, after, limit, ({ status }) => status !== 'QUEUED' && !isRunOver(status));
}

export function readQueuedRuns(data: MemoryData, after: string, limit: number): QueuedRun[] {
  const rows = nextRuns(data, after, limit, ({ status }) => status === 'QUEUED');
  return rows.map(({ runId, namespace, workflow, priority, parentRunId, parentStep }) => ({
    runId,
    namespace,
    workflow,
    priority,
    ...(parentRunId === undefined ? {} : { parent: { runId: parentRunId, path: parentStep ?? '' } }),
  }));
}

function nextRuns(data: MemoryData, after: string, limit: number, fits: (row: RunRow) => boolean): RunRow[] {
  const rows = [...data.runs.values()].filter((row) => row.runId > after && fits(row));
  return rows.sort((left, right) => compareText(left.runId, right.runId)).slice(0, limit);
}

export function readTasks(data: MemoryData, after: TaskKey | undefined, limit: number): TaskRow[] {
  const rows = [...data.tasks.values()].filter((row) => after === undefined || compareTasks(row, after) > 0);
  return rows.sort(compareTasks).slice(0, limit);
}

export function readJournal(data: MemoryData, runId: string, from: number, limit: number): JournalRow[] {
  const rows: JournalRow[] = [];
  const stored = [...(data.journals.get(runId) ?? [])].sort(([left], [right]) => left - right);
  const first = Math.max(
    0,
    stored.findLastIndex(([position]) => position <= from),
  );
  for (const [position, bytes] of stored.slice(first)) {
    const row = trimRow({ runId, position, events: decodeEvents(bytes) }, from);
    if (row !== undefined && rows.length < limit) rows.push(row);
    if (rows.length === limit) break;
  }
  return rows;
}

export function readRuns(data: MemoryData, query: RunQuery): RunPage {
  const { before, limit } = query;
  const rows = [...data.runs.values()].filter((row) => fits(row, query) && (before === '' || row.runId < before));
  const runs = rows.sort((left, right) => compareText(right.runId, left.runId)).slice(0, limit);
  return { runs, next: rows.length > limit ? (runs.at(-1)?.runId ?? '') : '' };
}

function fits(
  row: RunRow,
  { namespace, workflow, statuses = [], labels = {}, failureCode, parentRunId, from = '' }: RunQuery,
): boolean {
  return (
    row.namespace === namespace &&
    row.runId >= from &&
    (workflow === undefined || row.workflow === workflow) &&
    (statuses.length === 0 || statuses.includes(row.status)) &&
    (failureCode === undefined || row.failureCode === failureCode) &&
    (parentRunId === undefined || row.parentRunId === parentRunId) &&
    Object.entries(labels).every(([name, value]) => Object.hasOwn(row.labels, name) && row.labels[name] === value)
  );
}

export function readRunsByTail(data: MemoryData, namespace: string, tail: string, limit: number): string[] {
  const rows = [...data.runs.values()].filter((row) => row.namespace === namespace && row.runId.endsWith(tail));
  return rows
    .map((row) => row.runId)
    .sort(compareText)
    .slice(0, limit);
}

export function readLatestWorkflows(data: MemoryData, namespace: string, after: string, limit: number): WorkflowRow[] {
  const latest = [...data.workflows.values()].flatMap((versions) => versions.slice(-1));
  const rows = latest.filter((row) => row.namespace === namespace && row.name > after);
  return rows.sort((left, right) => compareText(left.name, right.name)).slice(0, limit);
}

/** Ids of runs that ended before `before` and whose parent is not open, the oldest first. */
export function findPrunable(data: MemoryData, before: number, limit: number): string[] {
  const isWaitedFor = ({ parentRunId = '' }: RunRow): boolean => {
    const parent = data.runs.get(parentRunId);
    return parent !== undefined && parent.endedAt === undefined;
  };
  const over = [...data.runs.values()].filter(
    (row) => row.endedAt !== undefined && row.endedAt < before && !isWaitedFor(row),
  );
  return over
    .sort((left, right) => (left.endedAt ?? 0) - (right.endedAt ?? 0))
    .slice(0, limit)
    .map((row) => row.runId);
}

export function findOldAgentEvents(data: MemoryData, before: number, limit: number): Set<AgentEventRow> {
  const old = data.agentEvents.filter((row) => row.at < before);
  return new Set(old.sort((left, right) => left.at - right.at).slice(0, limit));
}

export function readAudit(data: MemoryData, query: AuditQuery): readonly AuditRow[] {
  const { namespace, action, subject, actor, from, before, limit } = query;
  const fits = (row: AuditRow): boolean =>
    row.namespace === namespace &&
    (action === undefined || row.action === action) &&
    (subject === undefined || row.subject === subject || row.workflow === subject) &&
    (actor === undefined || (row.caller.actor ?? null) === actor) &&
    row.id >= from &&
    (before === '' || row.id < before);
  return mergeNewest(
    [[...data.audit.values()].filter(fits), [...data.runs.values()].map(startEntry).filter(fits)],
    limit,
  );
}

/** Ids of audit rows from before `before`, the oldest first. */
export function findOldAudit(data: MemoryData, before: number, limit: number): string[] {
  const first = firstUlidAt(before);
  const old = [...data.audit.keys()].filter((id) => id < first);
  return old.sort(compareText).slice(0, limit);
}

function compareTasks(left: TaskKey, right: TaskKey): number {
  return compareText(left.runId, right.runId) || compareText(left.path, right.path) || left.attempt - right.attempt;
}

function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** By (namespace, name). */
export function readSchedules(data: MemoryData, after: ScheduleKey | undefined, limit: number): readonly ScheduleRow[] {
  const first = after === undefined ? '' : scheduleKey(after);
  const keys = [...data.schedules.keys()].filter((key) => key > first).sort();
  return keys.slice(0, limit).flatMap((key) => data.schedules.get(key) ?? []);
}

export function readAgentLabels(
  data: MemoryData,
  after: AgentKey | undefined,
  limit: number,
): readonly AgentLabelsRow[] {
  const first = after === undefined ? '' : agentKey(after);
  const keys = [...data.agentLabels.keys()].filter((key) => key > first).sort();
  return keys.slice(0, limit).flatMap((key) => data.agentLabels.get(key) ?? []);
}
