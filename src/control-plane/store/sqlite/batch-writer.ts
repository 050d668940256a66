/** The statements of a batch, prepared once. Order: runs, journal, snapshots, deleted tasks, tasks, checkpoints, blobs, copies of blobs, outputs, agent events, audit, schedules, labels of agents. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { limits } from '../../../core/limits.ts';
import type { AgentEventRow, AgentLabelsRow, AuditRow, BlobCopy, RunChange, RunRow, ScheduleChange } from '../port.ts';
import type { FrameReader } from './frame.ts';
import { OutputWriter } from './outputs.ts';
import { toTail } from './rows.ts';

export class BatchWriter {
  readonly #insertRun: StatementSync;
  readonly #insertLabel: StatementSync;
  readonly #updateRun: StatementSync;
  readonly #insertJournal: StatementSync;
  readonly #replaceSnapshot: StatementSync;
  readonly #deleteTask: StatementSync;
  readonly #replaceTask: StatementSync;
  readonly #updateCheckpoint: StatementSync;
  readonly #deleteBlob: StatementSync;
  readonly #insertBlobPart: StatementSync;
  readonly #deleteBlobForCopy: StatementSync;
  readonly #copyBlob: StatementSync;
  readonly #outputs: OutputWriter;
  readonly #insertAgentEvent: StatementSync;
  readonly #insertAudit: StatementSync;
  readonly #replaceSchedule: StatementSync;
  readonly #deleteSchedule: StatementSync;
  readonly #replaceAgentLabels: StatementSync;
  readonly #deleteAgentLabels: StatementSync;

  constructor(db: DatabaseSync) {
    this.#insertRun = db.prepare(`INSERT INTO runs VALUES (${Array(21).fill('?').join(', ')})`);
    this.#insertLabel = db.prepare('INSERT INTO labels VALUES (?, ?, ?, ?)');
    this.#updateRun = db.prepare('UPDATE runs SET status = ?, ended_at = ?, failure_code = ? WHERE run_id = ?');
    this.#insertJournal = db.prepare('INSERT INTO journal VALUES (?, ?, ?)');
    this.#replaceSnapshot = db.prepare('INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)');
    this.#deleteTask = db.prepare('DELETE FROM tasks WHERE run_id = ? AND path = ? AND attempt = ?');
    this.#replaceTask = db.prepare('INSERT OR REPLACE INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
    this.#updateCheckpoint = db.prepare(
      'UPDATE tasks SET checkpoint = ? WHERE run_id = ? AND path = ? AND attempt = ?',
    );
    this.#deleteBlob = db.prepare('DELETE FROM blobs WHERE run_id = ? AND blob_id = ?');
    this.#insertBlobPart = db.prepare('INSERT INTO blobs VALUES (?, ?, ?, ?)');
    this.#deleteBlobForCopy = db.prepare(
      'DELETE FROM blobs WHERE run_id = ?1 AND blob_id = ?2 AND EXISTS (SELECT 1 FROM blobs WHERE run_id = ?3 AND blob_id = ?2)',
    );
    this.#copyBlob = db.prepare(
      'INSERT INTO blobs SELECT ?, blob_id, part, bytes FROM blobs WHERE run_id = ? AND blob_id = ?',
    );
    this.#outputs = new OutputWriter(db);
    this.#insertAgentEvent = db.prepare('INSERT INTO agent_events VALUES (NULL, ?, ?, ?, ?, ?)');
    this.#insertAudit = db.prepare('INSERT OR IGNORE INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
    this.#replaceSchedule = db.prepare('INSERT OR REPLACE INTO schedules VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
    this.#deleteSchedule = db.prepare('DELETE FROM schedules WHERE namespace = ? AND name = ?');
    this.#replaceAgentLabels = db.prepare('INSERT OR REPLACE INTO agent_labels VALUES (?, ?, ?)');
    this.#deleteAgentLabels = db.prepare('DELETE FROM agent_labels WHERE namespace = ? AND agent_id = ?');
  }

  /** Writes everything of a frame but its epoch, which the caller has read; answers the bytes of the journal rows. */
  write(frame: FrameReader): number {
    for (const change of frame.list<RunChange>()) this.#writeRunChange(change);
    const journalBytes = this.#writeJournal(frame);
    this.#writeSnapshots(frame);
    this.#writeTasks(frame);
    this.#writeCheckpoints(frame);
    for (let rest = frame.integer(); rest > 0; rest--) this.writeBlob(frame.text(), frame.plainText(), frame.bytes());
    for (const copy of frame.list<BlobCopy>()) this.#writeBlobCopy(copy);
    this.#outputs.write(frame);
    for (const row of frame.list<AgentEventRow>()) {
      this.#insertAgentEvent.run(row.at, row.agentId, row.instanceId, row.kind, row.message);
    }
    for (const row of frame.list<AuditRow>()) this.writeAudit(row);
    for (const change of frame.list<ScheduleChange>()) this.writeSchedule(change);
    for (const row of frame.list<AgentLabelsRow>()) this.#writeAgentLabels(row);
    return journalBytes;
  }

  writeAudit(row: AuditRow): void {
    const { actor, userAgent, address } = row.caller;
    this.#insertAudit.run(
      row.id,
      row.at,
      row.namespace,
      actor ?? null,
      userAgent,
      address,
      row.action,
      row.subjectKind,
      row.subject,
      row.workflow,
      row.version,
      row.requestId,
      row.errorCode,
      JSON.stringify(row.details),
    );
  }

  /** A whole blob, in parts; what was under its id goes. */
  writeBlob(runId: string, blobId: string, bytes: Uint8Array): void {
    this.#deleteBlob.run(runId, blobId);
    const partMax = limits.blobPartBytesMax;
    for (let part = 0; part === 0 || part * partMax < bytes.length; part++) {
      this.#insertBlobPart.run(runId, blobId, part, bytes.subarray(part * partMax, (part + 1) * partMax));
    }
  }

  /** Part 0 starts the blob again. */
  writeBlobPart(runId: string, blobId: string, part: number, bytes: Uint8Array): void {
    if (part === 0) this.#deleteBlob.run(runId, blobId);
    this.#insertBlobPart.run(runId, blobId, part, bytes);
  }

  #writeBlobCopy({ runId, blobId, fromRunId }: BlobCopy): void {
    if (fromRunId === runId) return;
    this.#deleteBlobForCopy.run(runId, blobId, fromRunId);
    this.#copyBlob.run(runId, fromRunId, blobId);
  }

  #writeRunChange(change: RunChange): void {
    if (change.type === 'insert') this.#writeRun(change.row);
    else this.#updateRun.run(change.status, change.endedAt ?? null, change.failureCode ?? null, change.runId);
  }

  writeSchedule(change: ScheduleChange): void {
    if (change.type === 'delete') {
      this.#deleteSchedule.run(change.namespace, change.name);
      return;
    }
    const { row } = change;
    this.#replaceSchedule.run(
      row.namespace,
      row.name,
      JSON.stringify(row.spec),
      Number(row.isPaused),
      row.createdAt,
      row.updatedAt,
      row.seenAt,
      row.lastTick === undefined ? null : JSON.stringify(row.lastTick),
      row.lastRunId ?? null,
      Number(row.isOfWorkflow),
    );
  }

  #writeAgentLabels({ namespace, agentId, labels }: AgentLabelsRow): void {
    const isAny = Object.keys(labels).length > 0;
    if (isAny) this.#replaceAgentLabels.run(namespace, agentId, JSON.stringify(labels));
    else this.#deleteAgentLabels.run(namespace, agentId);
  }

  #writeRun(row: RunRow): void {
    this.#insertRun.run(
      row.runId,
      row.shard,
      row.namespace,
      row.workflow,
      row.version,
      row.status,
      row.priority,
      row.queuedAt,
      row.endedAt ?? null,
      row.requestId ?? null,
      row.inputHash,
      row.failureCode ?? null,
      toTail(row.runId),
      JSON.stringify(row.labels),
      row.caller.actor ?? null,
      row.caller.userAgent,
      row.caller.address,
      row.retryOf ?? null,
      row.rerunOf ?? null,
      row.parentRunId ?? null,
      row.parentStep ?? null,
    );
    for (const [name, value] of Object.entries(row.labels)) {
      this.#insertLabel.run(row.namespace, name, value, row.runId);
    }
  }

  #writeJournal(frame: FrameReader): number {
    let journalBytes = 0;
    for (let rest = frame.integer(); rest > 0; rest--) {
      const runId = frame.text();
      const position = frame.integer();
      const bytes = frame.bytes();
      this.#insertJournal.run(runId, position, bytes);
      journalBytes += bytes.length;
    }
    return journalBytes;
  }

  #writeSnapshots(frame: FrameReader): void {
    for (let rest = frame.integer(); rest > 0; rest--) {
      this.#replaceSnapshot.run(frame.text(), frame.integer(), frame.bytes());
    }
  }

  #writeTasks(frame: FrameReader): void {
    for (let rest = frame.integer(); rest > 0; rest--) {
      this.#deleteTask.run(frame.text(), frame.text(), frame.integer());
    }
    for (let rest = frame.integer(); rest > 0; rest--) {
      const runId = frame.text();
      const path = frame.text();
      const attempt = frame.integer();
      const shard = frame.integer();
      const orderKey = frame.double();
      const dueAt = frame.double();
      const lossWindowMs = frame.double();
      const classKey = frame.text();
      const state = frame.text();
      const agentId = frame.text();
      const instanceId = frame.text();
      const checkpoint = frame.optionalBytes();
      this.#replaceTask.run(
        runId,
        path,
        attempt,
        shard,
        classKey,
        orderKey,
        state,
        agentId,
        instanceId,
        dueAt,
        lossWindowMs,
        checkpoint,
      );
    }
  }

  #writeCheckpoints(frame: FrameReader): void {
    for (let rest = frame.integer(); rest > 0; rest--) {
      const runId = frame.text();
      const path = frame.text();
      const attempt = frame.integer();
      this.#updateCheckpoint.run(frame.bytes(), runId, path, attempt);
    }
  }
}
