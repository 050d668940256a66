/** The store on SQLite: encodes on this side, everything else happens behind the link. */
import type { Clock } from '../../../core/clock.ts';
import type { YardmasterError } from '../../../core/errors.ts';
import { countRows } from '../batch.ts';
import { decodeEvents } from '../codec/decode.ts';
import { trimRow } from '../journal-row.ts';
import {
  type AgentEventRow,
  type AgentKey,
  type AgentLabelsRow,
  type AuditQuery,
  type AuditRow,
  type Batch,
  type ChunkQuery,
  type ChunkRow,
  type JournalRow,
  type NewWorkflow,
  type OutputHead,
  type OutputKey,
  type Pruned,
  type QueuedRun,
  type RunPage,
  type RunQuery,
  type RunRow,
  type ScheduleChange,
  type ScheduleKey,
  type ScheduleRow,
  type SnapshotRow,
  type Store,
  StoreError,
  type StoreOpened,
  type StoreStats,
  type TaskKey,
  type TaskRow,
  type WorkflowRow,
} from '../port.ts';
import { writeFrame } from './frame.ts';
import { type Arguments, createInlineLink, type Operation, type Result, type SqliteLink } from './sqlite-link.ts';
import { DEFAULT_TUNING, type SqliteTuning } from './tuning.ts';
import { WorkerLink } from './worker-link.ts';

export interface SqliteStoreOptions {
  /** Created, with its folder, when it is not there. `<file>-owner`, `-wal` and `-shm` stand beside it. */
  readonly file: string;
  /** Where this control plane listens, for whoever is refused. Default: ''. */
  readonly address?: string;
  /** Runs on this thread instead of a worker, for tests. Default: false. */
  readonly inline?: boolean;
  /** The worker died twice: told once, nothing works any more. Default: nothing. */
  readonly onFatal?: (error: YardmasterError) => void;
  readonly clock: Clock;
  /** For tests. Default: DEFAULT_TUNING. */
  readonly tuning?: Partial<SqliteTuning>;
  /** For tests. Default: by `inline`. */
  readonly link?: SqliteLink;
}

/** The store on `options.file`; nothing is touched before `open()`. */
export function openSqliteStore(options: SqliteStoreOptions): Store {
  return new SqliteStore(options);
}

class SqliteStore implements Store {
  readonly #options: SqliteStoreOptions;
  #link: SqliteLink | undefined;
  #closed: Promise<void> | undefined;
  #stats: StoreStats = { commits: 0, rowsWritten: 0, journalBytes: 0 };

  constructor(options: SqliteStoreOptions) {
    this.#options = options;
  }

  async open(): Promise<StoreOpened> {
    const { file, address = '', clock, tuning } = this.#options;
    const owner = { pid: process.pid, since: clock.now(), address };
    const link = this.#createLink();
    this.#link = link;
    try {
      return await link.call('open', [{ file, owner, tuning: { ...DEFAULT_TUNING, ...tuning } }]);
    } catch (error) {
      this.#link = undefined;
      await link.end();
      throw error;
    }
  }

  reopen(): Promise<void> {
    return this.#call('reopen', []);
  }

  /** A second call waits for the first. */
  close(): Promise<void> {
    this.#closed ??= this.#closeLink();
    return this.#closed;
  }

  async commit(batch: Batch): Promise<void> {
    const frame = writeFrame(batch);
    const journalBytes = await this.#call('commit', [frame], frame.buffer);
    this.#count(countRows(batch), journalBytes);
  }

  loadActiveRuns(after: string, limit: number): Promise<readonly RunRow[]> {
    return this.#call('loadActiveRuns', [after, limit]);
  }

  loadQueuedRuns(after: string, limit: number): Promise<readonly QueuedRun[]> {
    return this.#call('loadQueuedRuns', [after, limit]);
  }

  loadTasks(after: TaskKey | undefined, limit: number): Promise<readonly TaskRow[]> {
    return this.#call('loadTasks', [after, limit]);
  }

  async loadJournal(runId: string, fromPosition: number, limit: number): Promise<readonly JournalRow[]> {
    const rows = await this.#call('loadJournal', [runId, fromPosition, limit]);
    return rows
      .map(({ position, events }) => trimRow({ runId, position, events: decodeEvents(events) }, fromPosition))
      .filter((row) => row !== undefined)
      .slice(0, limit);
  }

  loadSnapshot(runId: string): Promise<SnapshotRow | undefined> {
    return this.#call('loadSnapshot', [runId]);
  }

  getRun(namespace: string, runId: string): Promise<RunRow | undefined> {
    return this.#call('getRun', [namespace, runId]);
  }

  findRunByRequest(namespace: string, requestId: string): Promise<RunRow | undefined> {
    return this.#call('findRunByRequest', [namespace, requestId]);
  }

  listRuns(query: RunQuery): Promise<RunPage> {
    return this.#call('listRuns', [query]);
  }

  findRunsByTail(namespace: string, tail: string, limit: number): Promise<readonly string[]> {
    return this.#call('findRunsByTail', [namespace, tail, limit]);
  }

  getBlob(runId: string, blobId: string): Promise<Uint8Array | undefined> {
    return this.#call('getBlob', [runId, blobId]);
  }

  getOutput(key: OutputKey): Promise<OutputHead | undefined> {
    return this.#call('getOutput', [key]);
  }

  findLastOutput(runId: string, path: string): Promise<OutputHead | undefined> {
    return this.#call('findLastOutput', [runId, path]);
  }

  sumOutputs(runId: string): Promise<number> {
    return this.#call('sumOutputs', [runId]);
  }

  loadChunks(query: ChunkQuery): Promise<readonly ChunkRow[]> {
    return this.#call('loadChunks', [query]);
  }

  async putBlobPart(runId: string, blobId: string, part: number, bytes: Uint8Array): Promise<void> {
    await this.#call('putBlobPart', [runId, blobId, part, bytes]);
    this.#count(1, 0);
  }

  async putWorkflow(
    workflow: NewWorkflow,
    audit?: AuditRow,
    schedule?: ScheduleChange,
  ): Promise<{ readonly row: WorkflowRow; readonly created: boolean }> {
    const result = await this.#call('putWorkflow', [workflow, audit, schedule]);
    if (result.created) this.#count(1, 0);
    return result;
  }

  getWorkflow(namespace: string, name: string, version: number): Promise<WorkflowRow | undefined> {
    return this.#call('getWorkflow', [namespace, name, version]);
  }

  listWorkflows(namespace: string, after: string, limit: number): Promise<readonly WorkflowRow[]> {
    return this.#call('listWorkflows', [namespace, after, limit]);
  }

  getSchedule(key: ScheduleKey): Promise<ScheduleRow | undefined> {
    return this.#call('getSchedule', [key]);
  }

  loadSchedules(after: ScheduleKey | undefined, limit: number): Promise<readonly ScheduleRow[]> {
    return this.#call('loadSchedules', [after, limit]);
  }

  loadAgentLabels(after: AgentKey | undefined, limit: number): Promise<readonly AgentLabelsRow[]> {
    return this.#call('loadAgentLabels', [after, limit]);
  }

  listAgentEvents(agentId: string, limit: number): Promise<readonly AgentEventRow[]> {
    return this.#call('listAgentEvents', [agentId, limit]);
  }

  listAudit(query: AuditQuery): Promise<readonly AuditRow[]> {
    return this.#call('listAudit', [query]);
  }

  async prune(before: number, limit: number): Promise<Pruned> {
    const pruned = await this.#call('prune', [before, limit]);
    if (pruned.runs > 0) this.#count(pruned.runs, 0);
    return pruned;
  }

  stats(): StoreStats {
    return this.#stats;
  }

  #createLink(): SqliteLink {
    const { inline = false, link, onFatal = () => {} } = this.#options;
    return link ?? (inline ? createInlineLink() : new WorkerLink({ onFatal }));
  }

  #call<Op extends Operation>(op: Op, args: Arguments<Op>, transfer?: ArrayBuffer): Promise<Result<Op>> {
    if (this.#link !== undefined && this.#closed === undefined) return this.#link.call(op, args, transfer);
    return Promise.reject(new StoreError('CLOSED', `cannot ${op}: the store is not open`));
  }

  async #closeLink(): Promise<void> {
    const link = this.#link;
    if (link === undefined) return;
    try {
      await link.call('close', []);
    } catch (error) {
      // A worker that is gone has nothing left to close.
      if (!(error instanceof StoreError && error.kind === 'CLOSED')) throw error;
    } finally {
      await link.end();
    }
  }

  #count(rows: number, journalBytes: number): void {
    const { commits, rowsWritten, journalBytes: bytes } = this.#stats;
    this.#stats = { commits: commits + 1, rowsWritten: rowsWritten + rows, journalBytes: bytes + journalBytes };
  }
}
