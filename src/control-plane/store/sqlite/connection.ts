/** One connection with its statements. A reopen makes a new one. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { firstUlidAt } from '../../../core/ids.ts';
import { partOutOfOrder } from '../batch.ts';
import {
  type AuditRow,
  type NewWorkflow,
  type Pruned,
  type ScheduleChange,
  StoreError,
  type WorkflowRow,
} from '../port.ts';
import { AuditQueries } from './audit-queries.ts';
import { BatchWriter } from './batch-writer.ts';
import { FrameReader } from './frame.ts';
import { DELETE_CHUNKS, OutputQueries } from './outputs.ts';
import { type LabelledRun, Queries } from './queries.ts';

export class Connection {
  readonly db: DatabaseSync;
  readonly queries: Queries;
  readonly audit: AuditQueries;
  readonly outputs: OutputQueries;
  readonly #writer: BatchWriter;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #readEpoch: StatementSync;

  constructor(db: DatabaseSync) {
    this.db = db;
    this.queries = new Queries(db);
    this.audit = new AuditQueries(db);
    this.outputs = new OutputQueries(db);
    this.#writer = new BatchWriter(db);
    this.#begin = db.prepare('BEGIN IMMEDIATE');
    this.#commit = db.prepare('COMMIT');
    this.#readEpoch = db.prepare("SELECT value FROM meta WHERE key = 'epoch'");
  }

  raiseEpoch(): number {
    this.#begin.run();
    const row = this.db.prepare("UPDATE meta SET value = value + 1 WHERE key = 'epoch' RETURNING value").get();
    this.#commit.run();
    return Number(row?.value);
  }

  /** Answers the bytes of the journal rows. */
  writeBatch(bytes: Uint8Array): number {
    const frame = new FrameReader(bytes);
    const epoch = frame.integer();
    return this.#transact(epoch, () => this.#writer.write(frame));
  }

  writeBlobPart(epoch: number, runId: string, blobId: string, part: number, bytes: Uint8Array): void {
    this.#transact(epoch, () => {
      const stored = this.queries.countBlobParts(runId, blobId);
      if (part !== 0 && part !== stored) throw partOutOfOrder(blobId, part, stored);
      this.#writer.writeBlobPart(runId, blobId, part, bytes);
    });
  }

  writeWorkflow(
    epoch: number,
    workflow: NewWorkflow,
    audit: AuditRow | undefined,
    schedule: ScheduleChange | undefined,
  ): { row: WorkflowRow; created: boolean } {
    const { namespace, name, hash, definition, createdAt } = workflow;
    const same = this.queries.findWorkflow(namespace, name, hash);
    if (same !== undefined) return { row: same, created: false };
    return this.#transact(epoch, () => {
      const version = (this.queries.getWorkflow(namespace, name, 0)?.version ?? 0) + 1;
      const insert = this.db.prepare('INSERT INTO workflows VALUES (?, ?, ?, ?, ?, ?)');
      insert.run(namespace, name, version, hash, definition, createdAt);
      if (audit !== undefined) this.#writer.writeAudit({ ...audit, version });
      if (schedule !== undefined) this.#writer.writeSchedule(schedule);
      return { row: { namespace, name, version, hash, definition, createdAt }, created: true };
    });
  }

  /** Deletes runs that ended before `before`, and agent events and audit rows as old, at most `limit` of each. */
  prune(epoch: number, before: number, limit: number): Pruned {
    return this.#transact(epoch, () => {
      const runs = this.queries.findPrunable(before, limit);
      this.#deleteLabels(runs);
      const tables = ['journal', 'snapshots', 'blobs', 'tasks', 'outputs', 'runs'];
      for (const sql of [DELETE_CHUNKS, ...tables.map((table) => `DELETE FROM ${table} WHERE run_id = ?`)]) {
        const statement = this.db.prepare(sql);
        for (const { runId } of runs) statement.run(runId);
      }
      const old = 'SELECT id FROM agent_events WHERE at < ? ORDER BY at LIMIT ?';
      const events = this.db.prepare(`DELETE FROM agent_events WHERE id IN (${old})`).run(before, limit);
      const entries = 'SELECT id FROM audit WHERE id < ? ORDER BY id LIMIT ?';
      const audit = this.db.prepare(`DELETE FROM audit WHERE id IN (${entries})`).run(firstUlidAt(before), limit);
      const counts = [runs.length, Number(events.changes), Number(audit.changes)];
      return { runs: runs.length, isMore: counts.includes(limit) };
    });
  }

  #deleteLabels(runs: readonly LabelledRun[]): void {
    const key = 'namespace = ? AND name = ? AND value = ? AND run_id = ?';
    const statement = this.db.prepare(`DELETE FROM labels WHERE ${key}`);
    for (const { runId, namespace, labels } of runs) {
      for (const [name, value] of Object.entries(labels)) statement.run(namespace, name, value, runId);
    }
  }

  /** Throws FENCED when another epoch is the newest. */
  mustBeNewest(epoch: number): void {
    const newest = Number(this.#readEpoch.get()?.value);
    if (epoch === newest) return;
    throw new StoreError('FENCED', `cannot write with epoch ${epoch}: epoch ${newest} owns the store`);
  }

  /** What a failed transaction left open goes; SQLite may have rolled it back itself. */
  rollback(): void {
    if (this.db.isOpen && this.db.isTransaction) this.db.exec('ROLLBACK');
  }

  #transact<Value>(epoch: number, write: () => Value): Value {
    this.#begin.run();
    this.mustBeNewest(epoch);
    const value = write();
    this.#commit.run();
    return value;
  }
}
