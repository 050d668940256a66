/** What is read, each query prepared once and answered in one go: no read transaction stays open. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { limits } from '../../../core/limits.ts';
import type {
  AgentEventRow,
  AgentKey,
  AgentLabelsRow,
  QueuedRun,
  RunPage,
  RunQuery,
  RunRow,
  ScheduleKey,
  ScheduleRow,
  SnapshotRow,
  TaskKey,
  TaskRow,
  WorkflowRow,
} from '../port.ts';
import { listRuns } from './list-runs.ts';
import {
  AGENT_EVENT_COLUMNS,
  AGENT_LABELS_COLUMNS,
  QUEUED_COLUMNS,
  RUN_COLUMNS,
  SCHEDULE_COLUMNS,
  TASK_COLUMNS,
  toAgentEventRow,
  toAgentLabelsRow,
  toQueuedRun,
  toRunRow,
  toScheduleRow,
  toTail,
  toTaskRow,
  toWorkflowRow,
  WORKFLOW_COLUMNS,
} from './rows.ts';

/** A journal row as it is stored. */
export interface EncodedRow {
  readonly position: number;
  readonly events: Uint8Array;
}

/** What of a run it takes to find its labels. */
export type LabelledRun = Pick<RunRow, 'runId' | 'namespace' | 'labels'>;

/** The words of the index `runs_open`: with all of them SQLite walks it. */
const IS_OPEN = "status IN ('QUEUED', 'RUNNING', 'ENDING')";

export class Queries {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  loadActiveRuns(after: string, limit: number): RunRow[] {
    const sql = `SELECT ${RUN_COLUMNS} FROM runs WHERE ${IS_OPEN} AND status <> 'QUEUED' AND run_id > ? ORDER BY run_id LIMIT ?`;
    return this.#prepare(sql).all(after, limit).map(toRunRow);
  }

  loadQueuedRuns(after: string, limit: number): QueuedRun[] {
    const sql = `SELECT ${QUEUED_COLUMNS} FROM runs WHERE ${IS_OPEN} AND status = 'QUEUED' AND run_id > ? ORDER BY run_id LIMIT ?`;
    return this.#prepare(sql).all(after, limit).map(toQueuedRun);
  }

  loadTasks(after: TaskKey | undefined, limit: number): TaskRow[] {
    const sql = `SELECT ${TASK_COLUMNS} FROM tasks WHERE (run_id, path, attempt) > (?, ?, ?) ORDER BY run_id, path, attempt LIMIT ?`;
    const { runId, path, attempt } = after ?? { runId: '', path: '', attempt: -1 };
    return this.#prepare(sql).all(runId, path, attempt, limit).map(toTaskRow);
  }

  /** From the row that holds `from`, or the first after it; one more than `limit`, because that row may end before `from`. */
  loadJournal(runId: string, from: number, limit: number): EncodedRow[] {
    const first = 'SELECT max(position) FROM journal WHERE run_id = ? AND position <= ?';
    const sql = `SELECT position, events FROM journal WHERE run_id = ? AND position >= coalesce((${first}), 0) ORDER BY position LIMIT ?`;
    return this.#prepare(sql).all(runId, runId, from, limit + 1) as unknown as EncodedRow[];
  }

  loadSnapshot(runId: string): SnapshotRow | undefined {
    const columns = this.#prepare('SELECT position, bytes FROM snapshots WHERE run_id = ?').get(runId);
    return columns === undefined ? undefined : ({ runId, ...columns } as unknown as SnapshotRow);
  }

  getRun(namespace: string, runId: string): RunRow | undefined {
    const columns = this.#prepare(`SELECT ${RUN_COLUMNS} FROM runs WHERE run_id = ? AND namespace = ?`).get(
      runId,
      namespace,
    );
    return columns === undefined ? undefined : toRunRow(columns);
  }

  findRunByRequest(namespace: string, requestId: string): RunRow | undefined {
    const sql = `SELECT ${RUN_COLUMNS} FROM runs WHERE namespace = ? AND request_id = ?`;
    const columns = this.#prepare(sql).get(namespace, requestId);
    return columns === undefined ? undefined : toRunRow(columns);
  }

  listRuns(query: RunQuery): RunPage {
    return listRuns((sql) => this.#prepare(sql), query);
  }

  findRunsByTail(namespace: string, tail: string, limit: number): string[] {
    const prefix = toTail(tail);
    const sql = `SELECT run_id FROM runs INDEXED BY runs_tail WHERE tail >= ? AND tail < ? AND namespace = ? AND substr(run_id, ?) = ? ORDER BY run_id LIMIT ?`;
    const rows = this.#prepare(sql).all(prefix, `${prefix}\u{10ffff}`, namespace, -tail.length, tail, limit);
    return rows.map((row) => String(row.run_id));
  }

  getBlob(runId: string, blobId: string): Uint8Array<ArrayBuffer> | undefined {
    const partsMax = limits.blobBytesMax / limits.blobPartBytesMax + 1;
    const rows = this.#prepare('SELECT bytes FROM blobs WHERE run_id = ? AND blob_id = ? ORDER BY part LIMIT ?');
    const parts = rows.all(runId, blobId, partsMax).map((row) => row.bytes as Uint8Array);
    return parts.length === 0 ? undefined : join(parts);
  }

  countBlobParts(runId: string, blobId: string): number {
    const row = this.#prepare('SELECT count(*) AS parts FROM blobs WHERE run_id = ? AND blob_id = ?').get(
      runId,
      blobId,
    );
    return Number(row?.parts);
  }

  findWorkflow(namespace: string, name: string, hash: string): WorkflowRow | undefined {
    const sql = `SELECT ${WORKFLOW_COLUMNS} FROM workflows WHERE namespace = ? AND name = ? AND hash = ?`;
    const columns = this.#prepare(sql).get(namespace, name, hash);
    return columns === undefined ? undefined : toWorkflowRow(columns);
  }

  getWorkflow(namespace: string, name: string, version: number): WorkflowRow | undefined {
    const which = version === 0 ? 'ORDER BY version DESC LIMIT 1' : 'AND version = ?';
    const sql = `SELECT ${WORKFLOW_COLUMNS} FROM workflows WHERE namespace = ? AND name = ? ${which}`;
    const values = version === 0 ? [namespace, name] : [namespace, name, version];
    const columns = this.#prepare(sql).get(...values);
    return columns === undefined ? undefined : toWorkflowRow(columns);
  }

  listWorkflows(namespace: string, after: string, limit: number): WorkflowRow[] {
    const latest =
      'SELECT max(version) FROM workflows AS w WHERE w.namespace = workflows.namespace AND w.name = workflows.name';
    const sql = `SELECT ${WORKFLOW_COLUMNS} FROM workflows WHERE namespace = ? AND name > ? AND version = (${latest}) ORDER BY name LIMIT ?`;
    return this.#prepare(sql).all(namespace, after, limit).map(toWorkflowRow);
  }

  getSchedule({ namespace, name }: ScheduleKey): ScheduleRow | undefined {
    const sql = `SELECT ${SCHEDULE_COLUMNS} FROM schedules WHERE namespace = ? AND name = ?`;
    const columns = this.#prepare(sql).get(namespace, name);
    return columns === undefined ? undefined : toScheduleRow(columns);
  }

  loadSchedules(after: ScheduleKey | undefined, limit: number): ScheduleRow[] {
    const sql = `SELECT ${SCHEDULE_COLUMNS} FROM schedules WHERE (namespace, name) > (?, ?) ORDER BY namespace, name LIMIT ?`;
    return this.#prepare(sql)
      .all(after?.namespace ?? '', after?.name ?? '', limit)
      .map(toScheduleRow);
  }

  loadAgentLabels(after: AgentKey | undefined, limit: number): AgentLabelsRow[] {
    const sql = `SELECT ${AGENT_LABELS_COLUMNS} FROM agent_labels WHERE (namespace, agent_id) > (?, ?) ORDER BY namespace, agent_id LIMIT ?`;
    return this.#prepare(sql)
      .all(after?.namespace ?? '', after?.agentId ?? '', limit)
      .map(toAgentLabelsRow);
  }

  listAgentEvents(agentId: string, limit: number): AgentEventRow[] {
    const sql = `SELECT ${AGENT_EVENT_COLUMNS} FROM agent_events WHERE agent_id = ? ORDER BY id DESC LIMIT ?`;
    return this.#prepare(sql).all(agentId, limit).map(toAgentEventRow).reverse();
  }

  findPrunable(before: number, limit: number): LabelledRun[] {
    const isWaitedFor =
      'SELECT 1 FROM runs AS parent WHERE parent.run_id = runs.parent_run_id AND parent.ended_at IS NULL';
    const sql = `SELECT ${RUN_COLUMNS} FROM runs WHERE ended_at < ? AND NOT EXISTS (${isWaitedFor}) ORDER BY ended_at LIMIT ?`;
    return this.#prepare(sql).all(before, limit).map(toRunRow);
  }

  /** The texts are of a small number. */
  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let end = 0;
  for (const part of parts) {
    bytes.set(part, end);
    end += part.length;
  }
  return bytes;
}
