/**
 * The store on one SQLite file, synchronous: in the worker thread, or on the main thread in tests.
 *
 * Owns the connection, the owner lock and the epoch. Invariants: 1. one transaction per batch, in the order of the calls;
 * 2. after a batch failed, or an outcome is not known, nothing is written until `reopen`; 3. after an outcome that nobody knows, `reopen` makes a new
 * connection and moves the log into the file before anything is read or written again.
 */
import type { DatabaseSync } from 'node:sqlite';
import { YardmasterError } from '../../../core/errors.ts';
import type {
  AgentKey,
  AgentLabelsRow,
  ChunkQuery,
  ChunkRow,
  OutputHead,
  OutputKey,
  ScheduleChange,
  ScheduleKey,
  ScheduleRow,
  SnapshotRow,
  StoreOpened,
  TaskKey,
  TaskRow,
  WorkflowRow,
} from '../port.ts';
import {
  type AgentEventRow,
  type AuditQuery,
  type AuditRow,
  type NewWorkflow,
  type Pruned,
  type QueuedRun,
  type RunPage,
  type RunQuery,
  type RunRow,
  StoreError,
} from '../port.ts';
import { Connection } from './connection.ts';
import { migrate } from './migrate.ts';
import { openDatabase, truncateLog } from './open-database.ts';
import { type Owner, OwnerLock } from './owner-lock.ts';
import type { EncodedRow } from './queries.ts';
import { toOpenError, toStoreError } from './sqlite-errors.ts';
import type { SqliteTuning } from './tuning.ts';

export interface OpenRequest {
  readonly file: string;
  readonly owner: Owner;
  readonly tuning: SqliteTuning;
  /** Goes on under an epoch that this process already has (the worker died); absent: raises it. */
  readonly epoch?: number;
}

type Failure = 'none' | 'clear' | 'unclear';

export class SqliteCore {
  #request: OpenRequest | undefined;
  #lock: OwnerLock | undefined;
  #connection: Connection | undefined;
  #epoch = 0;
  #failure: Failure = 'none';
  #loggedBytes = 0;

  open(request: OpenRequest): StoreOpened {
    this.#request = request;
    try {
      this.#lock = OwnerLock.take(request.file, request.owner);
      const { connection, schemaVersion } = connectMigrated(request);
      this.#connection = connection;
      this.#epoch = request.epoch ?? this.#connection.raiseEpoch();
      this.#connection.mustBeNewest(this.#epoch);
      // Whoever goes on after a death does not know what became of its last batch.
      if (request.epoch !== undefined) this.#failure = 'unclear';
      return { epoch: this.#epoch, schemaVersion };
    } catch (error) {
      this.#release();
      throw toOpenError(error, request.file);
    }
  }

  reopen(): void {
    if (this.#failure === 'none') return;
    try {
      if (this.#failure === 'unclear') this.#reconnect();
      this.#connected().mustBeNewest(this.#epoch);
      this.#failure = 'none';
    } catch (error) {
      throw toStoreError(error, 'cannot reopen the store');
    }
  }

  close(): void {
    if (this.#connection !== undefined) truncateIfFree(this.#connection.db);
    this.#release();
  }

  /** Takes what `writeFrame` made; answers the bytes of the journal rows. */
  commit(frame: Uint8Array): number {
    this.#loggedBytes += frame.length;
    try {
      return this.#write('cannot commit', (connection) => connection.writeBatch(frame));
    } catch (error) {
      if (this.#failure === 'none') this.#failure = 'clear';
      throw error;
    }
  }

  putBlobPart(runId: string, blobId: string, part: number, bytes: Uint8Array): void {
    this.#loggedBytes += bytes.length;
    const action = `cannot store part ${part} of blob "${blobId}"`;
    this.#write(action, (connection) => connection.writeBlobPart(this.#epoch, runId, blobId, part, bytes));
  }

  putWorkflow(
    workflow: NewWorkflow,
    audit: AuditRow | undefined,
    schedule: ScheduleChange | undefined,
  ): { readonly row: WorkflowRow; readonly created: boolean } {
    const action = `cannot register workflow "${workflow.name}"`;
    return this.#write(action, (connection) => connection.writeWorkflow(this.#epoch, workflow, audit, schedule));
  }

  prune(before: number, limit: number): Pruned {
    return this.#write('cannot delete old runs', (connection) => connection.prune(this.#epoch, before, limit));
  }

  loadActiveRuns(after: string, limit: number): RunRow[] {
    return this.#read(({ queries }) => queries.loadActiveRuns(after, limit));
  }

  loadQueuedRuns(after: string, limit: number): QueuedRun[] {
    return this.#read(({ queries }) => queries.loadQueuedRuns(after, limit));
  }

  loadTasks(after: TaskKey | undefined, limit: number): TaskRow[] {
    return this.#read(({ queries }) => queries.loadTasks(after, limit));
  }

  loadJournal(runId: string, from: number, limit: number): EncodedRow[] {
    return this.#read(({ queries }) => queries.loadJournal(runId, from, limit));
  }

  loadSnapshot(runId: string): SnapshotRow | undefined {
    return this.#read(({ queries }) => queries.loadSnapshot(runId));
  }

  getRun(namespace: string, runId: string): RunRow | undefined {
    return this.#read(({ queries }) => queries.getRun(namespace, runId));
  }

  findRunByRequest(namespace: string, requestId: string): RunRow | undefined {
    return this.#read(({ queries }) => queries.findRunByRequest(namespace, requestId));
  }

  listRuns(query: RunQuery): RunPage {
    return this.#read(({ queries }) => queries.listRuns(query));
  }

  findRunsByTail(namespace: string, tail: string, limit: number): string[] {
    return this.#read(({ queries }) => queries.findRunsByTail(namespace, tail, limit));
  }

  getBlob(runId: string, blobId: string): Uint8Array | undefined {
    return this.#read(({ queries }) => queries.getBlob(runId, blobId));
  }

  getOutput(key: OutputKey): OutputHead | undefined {
    return this.#read(({ outputs }) => outputs.get(key));
  }

  findLastOutput(runId: string, path: string): OutputHead | undefined {
    return this.#read(({ outputs }) => outputs.findLast(runId, path));
  }

  sumOutputs(runId: string): number {
    return this.#read(({ outputs }) => outputs.sum(runId));
  }

  loadChunks(query: ChunkQuery): readonly ChunkRow[] {
    return this.#read(({ outputs }) => outputs.chunks(query));
  }

  getWorkflow(namespace: string, name: string, version: number): WorkflowRow | undefined {
    return this.#read(({ queries }) => queries.getWorkflow(namespace, name, version));
  }

  listWorkflows(namespace: string, after: string, limit: number): WorkflowRow[] {
    return this.#read(({ queries }) => queries.listWorkflows(namespace, after, limit));
  }

  getSchedule(key: ScheduleKey): ScheduleRow | undefined {
    return this.#read(({ queries }) => queries.getSchedule(key));
  }

  loadSchedules(after: ScheduleKey | undefined, limit: number): ScheduleRow[] {
    return this.#read(({ queries }) => queries.loadSchedules(after, limit));
  }

  loadAgentLabels(after: AgentKey | undefined, limit: number): AgentLabelsRow[] {
    return this.#read(({ queries }) => queries.loadAgentLabels(after, limit));
  }

  listAgentEvents(agentId: string, limit: number): AgentEventRow[] {
    return this.#read(({ queries }) => queries.listAgentEvents(agentId, limit));
  }

  listAudit(query: AuditQuery): readonly AuditRow[] {
    return this.#read(({ audit }) => audit.list(query));
  }

  /** Between batches: moves the log into the file, as far as nobody reads it, when it holds `bytes` or more. */
  checkpointFrom(bytes: number): void {
    if (this.#connection === undefined || this.#loggedBytes < bytes) return;
    this.#loggedBytes = 0;
    try {
      this.#connection.db.exec('PRAGMA wal_checkpoint(PASSIVE)');
    } catch {
      // The log keeps everything and the next checkpoint tries again; a disk that fails shows in the next commit.
    }
  }

  #read<Value>(read: (connection: Connection) => Value): Value {
    try {
      return read(this.#connected());
    } catch (error) {
      throw toStoreError(error, 'cannot read the store');
    }
  }

  #write<Value>(action: string, write: (connection: Connection) => Value): Value {
    if (this.#failure !== 'none') throw abandoned();
    const connection = this.#connected();
    try {
      return write(connection);
    } catch (error) {
      const failure = toStoreError(error, action);
      if (isUnclear(failure)) this.#failure = 'unclear';
      rollbackQuietly(connection);
      throw failure;
    }
  }

  #connected(): Connection {
    if (this.#connection !== undefined) return this.#connection;
    throw this.#failure === 'none' ? new StoreError('CLOSED', 'the store is not open') : abandoned();
  }

  #reconnect(): void {
    if (this.#request === undefined) return;
    this.#connection?.db.close();
    this.#connection = undefined;
    const db = openDatabase(this.#request.file, this.#request.tuning);
    this.#connection = new Connection(db);
    // A failed fsync may have left pages that only look written: write them again, into the file.
    truncateLog(db);
  }

  #release(): void {
    this.#connection?.db.close();
    this.#connection = undefined;
    this.#lock?.release();
    this.#lock = undefined;
  }
}

function connectMigrated({ file, tuning }: OpenRequest): { connection: Connection; schemaVersion: number } {
  const db = openDatabase(file, tuning);
  try {
    truncateIfFree(db);
    const schemaVersion = migrate(db, file);
    return { connection: new Connection(db), schemaVersion };
  } catch (error) {
    db.close();
    throw error;
  }
}

function abandoned(): StoreError {
  return new StoreError('ABANDONED', 'cannot write: an earlier batch failed; reopen the store first');
}

function isUnclear(error: StoreError | YardmasterError): boolean {
  return error instanceof YardmasterError || error.kind === 'UNCLEAR';
}

function rollbackQuietly(connection: Connection): void {
  try {
    connection.rollback();
  } catch {
    // The failure that led here is what the caller hears of; `reopen` makes a new connection if this one is of no use.
  }
}

function truncateIfFree(db: DatabaseSync): void {
  try {
    truncateLog(db);
  } catch {
    // Somebody reads, or the disk is full: the log is recovered just as well at the next start.
  }
}
