/**
 * A store without a disk, for tests and the simulator: the contract of port.ts, with seams for faults.
 *
 * Without faults everything happens inside the call, so that a simulation is deterministic. Journals are kept as bytes:
 * what is read back has been through the codec. Invariants: 1. calls that write take effect in the order in which they
 * were made, however long a fault delays one; 2. after a rejected commit nothing is written until `reopen`;
 * 3. after `crash` nothing is written and no promise settles.
 */
import { YardmasterError } from '../../../core/errors.ts';
import { countRows, partOutOfOrder } from '../batch.ts';
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
import { applyBatch, applySchedule, blobsOf, mustBeNewest, requestKey, scheduleKey, taskKey } from './apply-batch.ts';
import { createMemoryData, type MemoryData } from './memory-data.ts';
import { readChunks, readLastOutput, readOutputHead, sumOutputs } from './outputs.ts';
import {
  findOldAgentEvents,
  findOldAudit,
  findPrunable,
  readActiveRuns,
  readAgentLabels,
  readAudit,
  readJournal,
  readLatestWorkflows,
  readQueuedRuns,
  readRuns,
  readRunsByTail,
  readSchedules,
  readTasks,
} from './read-data.ts';

/** Called around each commit and before each read. A promise delays this commit and all behind it; a throw makes it reject. */
export interface StoreFaults {
  /** A throw means that nothing was written: its StoreError (BUSY, FULL ...), or UNCLEAR around anything else. */
  beforeCommit?(batch: Batch): void | Promise<void>;
  /** The batch is written. A throw means that the caller cannot know: its StoreError, or UNCLEAR around anything else. */
  afterCommit?(batch: Batch): void | Promise<void>;
  /** A throw means that nothing could be read: its StoreError, or UNCLEAR around anything else. */
  beforeRead?(): void;
}

export interface MemoryStoreOptions {
  /** What is "on disk". Default: new and empty. */
  readonly data?: MemoryData;
  readonly faults?: StoreFaults;
}

export interface MemoryStore extends Store {
  /** As kill -9: what is not written by now never is, and no promise of this store settles any more. */
  crash(): void;
}

type State = 'new' | 'open' | 'failed' | 'closed' | 'crashed';

const SCHEMA_VERSION = 1;

export function createMemoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  return new MemoryStoreAdapter(options.data ?? createMemoryData(), options.faults ?? {});
}

class MemoryStoreAdapter implements MemoryStore {
  readonly #data: MemoryData;
  readonly #faults: StoreFaults;
  #state: State = 'new';
  #epoch = 0;
  #stats: StoreStats = { commits: 0, rowsWritten: 0, journalBytes: 0 };
  /** The last write that is under way; undefined when the next one may happen inside its call. */
  #tail: Promise<unknown> | undefined;

  constructor(data: MemoryData, faults: StoreFaults) {
    this.#data = data;
    this.#faults = faults;
  }

  async open(): Promise<StoreOpened> {
    if (this.#state !== 'new') throw new StoreError('CLOSED', 'cannot open the store: it was opened before');
    this.#state = 'open';
    this.#data.epoch += 1;
    this.#epoch = this.#data.epoch;
    return { epoch: this.#epoch, schemaVersion: SCHEMA_VERSION };
  }

  reopen(): Promise<void> {
    return this.#inTurn(() => {
      if (this.#state === 'failed') {
        mustBeNewest(this.#data, this.#epoch);
        this.#state = 'open';
      }
      this.#mustBeOpen();
    });
  }

  async close(): Promise<void> {
    await this.#tail;
    if (this.#state !== 'crashed') this.#state = 'closed';
  }

  crash(): void {
    this.#state = 'crashed';
  }

  commit(batch: Batch): Promise<void> {
    if (this.#state === 'crashed') return never();
    if (this.#tail !== undefined) return this.#queue(async () => this.#commitNow(batch));
    try {
      const pending = this.#commitNow(batch);
      return pending === undefined ? Promise.resolve() : this.#queue(() => pending);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  loadActiveRuns(after: string, limit: number): Promise<readonly RunRow[]> {
    return this.#read(() => readActiveRuns(this.#data, after, limit));
  }

  loadQueuedRuns(after: string, limit: number): Promise<readonly QueuedRun[]> {
    return this.#read(() => readQueuedRuns(this.#data, after, limit));
  }

  loadTasks(after: TaskKey | undefined, limit: number): Promise<readonly TaskRow[]> {
    return this.#read(() => readTasks(this.#data, after, limit));
  }

  loadJournal(runId: string, fromPosition: number, limit: number): Promise<readonly JournalRow[]> {
    return this.#read(() => readJournal(this.#data, runId, fromPosition, limit));
  }

  loadSnapshot(runId: string): Promise<SnapshotRow | undefined> {
    return this.#read(() => this.#data.snapshots.get(runId));
  }

  getRun(namespace: string, runId: string): Promise<RunRow | undefined> {
    return this.#read(() => {
      const row = this.#data.runs.get(runId);
      return row?.namespace === namespace ? row : undefined;
    });
  }

  findRunByRequest(namespace: string, requestId: string): Promise<RunRow | undefined> {
    return this.#read(() => {
      const runId = this.#data.requests.get(requestKey(namespace, requestId));
      return runId === undefined ? undefined : this.#data.runs.get(runId);
    });
  }

  listRuns(query: RunQuery): Promise<RunPage> {
    return this.#read(() => readRuns(this.#data, query));
  }

  findRunsByTail(namespace: string, tail: string, limit: number): Promise<readonly string[]> {
    return this.#read(() => readRunsByTail(this.#data, namespace, tail, limit));
  }

  getBlob(runId: string, blobId: string): Promise<Uint8Array | undefined> {
    return this.#read(() => {
      const parts = this.#data.blobs.get(runId)?.get(blobId);
      return parts === undefined ? undefined : new Uint8Array(Buffer.concat(parts));
    });
  }

  getOutput(key: OutputKey): Promise<OutputHead | undefined> {
    return this.#read(() => readOutputHead(this.#data, key));
  }

  findLastOutput(runId: string, path: string): Promise<OutputHead | undefined> {
    return this.#read(() => readLastOutput(this.#data, runId, path));
  }

  sumOutputs(runId: string): Promise<number> {
    return this.#read(() => sumOutputs(this.#data, runId));
  }

  loadChunks(query: ChunkQuery): Promise<readonly ChunkRow[]> {
    return this.#read(() => readChunks(this.#data, query));
  }

  putBlobPart(runId: string, blobId: string, part: number, bytes: Uint8Array): Promise<void> {
    return this.#write(() => {
      const blobs = blobsOf(this.#data, runId);
      const parts = part === 0 ? [] : (blobs.get(blobId) ?? []);
      if (part !== parts.length) throw partOutOfOrder(blobId, part, parts.length);
      blobs.set(blobId, [...parts, bytes.slice()]);
      this.#count(1, 0);
    });
  }

  putWorkflow(
    workflow: NewWorkflow,
    audit?: AuditRow,
    schedule?: ScheduleChange,
  ): Promise<{ readonly row: WorkflowRow; readonly created: boolean }> {
    return this.#write(() => {
      const key = `${workflow.namespace}\0${workflow.name}`;
      const versions = this.#data.workflows.get(key) ?? [];
      const same = versions.find((row) => row.hash === workflow.hash);
      if (same !== undefined) return { row: same, created: false };
      const row = { ...workflow, version: versions.length + 1 };
      this.#data.workflows.set(key, [...versions, row]);
      if (audit !== undefined) this.#data.audit.set(audit.id, { ...audit, version: row.version });
      if (schedule !== undefined) applySchedule(this.#data, schedule);
      this.#count(1, 0);
      return { row, created: true };
    });
  }

  getWorkflow(namespace: string, name: string, version: number): Promise<WorkflowRow | undefined> {
    return this.#read(() => {
      const versions = this.#data.workflows.get(`${namespace}\0${name}`) ?? [];
      return version === 0 ? versions.at(-1) : versions[version - 1];
    });
  }

  listWorkflows(namespace: string, after: string, limit: number): Promise<readonly WorkflowRow[]> {
    return this.#read(() => readLatestWorkflows(this.#data, namespace, after, limit));
  }

  getSchedule(key: ScheduleKey): Promise<ScheduleRow | undefined> {
    return this.#read(() => this.#data.schedules.get(scheduleKey(key)));
  }

  loadSchedules(after: ScheduleKey | undefined, limit: number): Promise<readonly ScheduleRow[]> {
    return this.#read(() => readSchedules(this.#data, after, limit));
  }

  loadAgentLabels(after: AgentKey | undefined, limit: number): Promise<readonly AgentLabelsRow[]> {
    return this.#read(() => readAgentLabels(this.#data, after, limit));
  }

  listAgentEvents(agentId: string, limit: number): Promise<readonly AgentEventRow[]> {
    return this.#read(() => this.#data.agentEvents.filter((row) => row.agentId === agentId).slice(-limit));
  }

  listAudit(query: AuditQuery): Promise<readonly AuditRow[]> {
    return this.#read(() => readAudit(this.#data, query));
  }

  prune(before: number, limit: number): Promise<Pruned> {
    return this.#write(() => {
      const runIds = findPrunable(this.#data, before, limit);
      for (const runId of runIds) this.#deleteRun(runId);
      const old = findOldAgentEvents(this.#data, before, limit);
      const kept = this.#data.agentEvents.filter((row) => !old.has(row));
      this.#data.agentEvents.splice(0, Infinity, ...kept);
      const entries = findOldAudit(this.#data, before, limit);
      for (const id of entries) this.#data.audit.delete(id);
      return { runs: runIds.length, isMore: [runIds.length, old.size, entries.length].includes(limit) };
    });
  }

  stats(): StoreStats {
    return this.#stats;
  }

  /** Answers undefined when it is done. */
  #commitNow(batch: Batch): Promise<void> | undefined {
    try {
      this.#mustBeOpen();
      const before = this.#faults.beforeCommit?.(batch);
      if (before instanceof Promise) return this.#failing(before.then(() => this.#land(batch)));
      const after = this.#land(batch);
      return after instanceof Promise ? this.#failing(after) : undefined;
    } catch (error) {
      throw this.#fail(error);
    }
  }

  #land(batch: Batch): void | Promise<void> {
    if (this.#state === 'crashed') return never();
    const journalBytes = applyBatch(this.#data, batch);
    this.#count(countRows(batch), journalBytes);
    return this.#faults.afterCommit?.(batch);
  }

  #failing(work: Promise<void>): Promise<void> {
    return work.catch((error: unknown) => {
      throw this.#fail(error);
    });
  }

  /** `work` starts when everything before it is done; what comes later waits for it. */
  #queue<Value>(work: () => Promise<Value>): Promise<Value> {
    const mine = (this.#tail ?? Promise.resolve()).then(work);
    const tail = mine
      .catch(() => undefined)
      .then(() => {
        if (this.#tail === tail) this.#tail = undefined;
      });
    this.#tail = tail;
    return mine.then((value) => (this.#state === 'crashed' ? never<Value>() : value));
  }

  #fail(error: unknown): unknown {
    if (this.#state === 'open') this.#state = 'failed';
    if (error instanceof StoreError || error instanceof YardmasterError) return error;
    return new StoreError('UNCLEAR', 'cannot say whether the batch was written', error);
  }

  #read<Value>(read: () => Value): Promise<Value> {
    if (this.#state === 'crashed') return never();
    if (this.#state === 'open' || this.#state === 'failed') return attempt(() => this.#mustBeReadable(read));
    return Promise.reject(new StoreError('CLOSED', 'cannot read: the store is not open'));
  }

  #mustBeReadable<Value>(read: () => Value): Value {
    try {
      this.#faults.beforeRead?.();
    } catch (error) {
      throw error instanceof StoreError ? error : new StoreError('UNCLEAR', 'cannot read', error);
    }
    return read();
  }

  #write<Value>(write: () => Value): Promise<Value> {
    return this.#inTurn(() => {
      this.#mustBeOpen();
      mustBeNewest(this.#data, this.#epoch);
      return write();
    });
  }

  /** After the writes that are under way. */
  #inTurn<Value>(write: () => Value): Promise<Value> {
    const work = (): Promise<Value> => (this.#state === 'crashed' ? never() : attempt(write));
    return this.#tail === undefined ? work() : this.#queue(work);
  }

  #mustBeOpen(): void {
    if (this.#state === 'open') return;
    if (this.#state === 'failed')
      throw new StoreError('ABANDONED', 'cannot write: an earlier batch failed; reopen the store first');
    throw new StoreError('CLOSED', 'cannot write: the store is not open');
  }

  #count(rows: number, journalBytes: number): void {
    const { commits, rowsWritten, journalBytes: bytes } = this.#stats;
    this.#stats = { commits: commits + 1, rowsWritten: rowsWritten + rows, journalBytes: bytes + journalBytes };
  }

  #deleteRun(runId: string): void {
    const row = this.#data.runs.get(runId);
    if (row?.requestId !== undefined) this.#data.requests.delete(requestKey(row.namespace, row.requestId));
    this.#data.runs.delete(runId);
    this.#data.journals.delete(runId);
    this.#data.snapshots.delete(runId);
    this.#data.blobs.delete(runId);
    this.#data.outputs.delete(runId);
    for (const task of this.#data.tasks.values()) if (task.runId === runId) this.#data.tasks.delete(taskKey(task));
  }
}

/** Throws become rejections. */
async function attempt<Value>(work: () => Value): Promise<Value> {
  return work();
}

function never<Value>(): Promise<Value> {
  return new Promise(() => {});
}
