/**
 * The store as a contract. One suite (`test/contract`) runs it over every adapter.
 *
 * 1. A batch is atomic: after a crash all of it is there or nothing is.
 * 2. `commit` resolves only when the batch is durable (fsynced, for adapters that have a disk).
 * 3. Batches take effect in the order of the `commit` calls; a second may be handed over before the first is done.
 * 4. A batch whose epoch is not the newest one given out by `open` writes nothing and rejects with FENCED.
 * 5. A commit that rejects with UNCLEAR may have landed: the caller reloads before it says anything. After any
 *    rejection, batches handed over later reject too (with ABANDONED) until `reopen` resolves. Reads go on meanwhile; the other
 *    writes (blob parts, workflows, prune) reject as batches do, but stop the batches behind them only when they are UNCLEAR.
 * 6. Reads see everything whose commit has resolved.
 * 7. Inserting a journal row whose (run, position) exists, or a run whose (namespace, request id) exists, rejects the batch with
 *    CONFLICT and writes nothing.
 * 8. Within a batch deleted tasks go first, then tasks are written, then checkpoints; a checkpoint of a task that is not
 *    there, a status of a run that is not there, and the deletion of a schedule that is not there, are ignored.
 */
import type { JsonObject } from '../../core/json.ts';
import type { Priority, ScheduleCatchUp, ScheduleOverlap } from '../../workflow/definition.ts';
import type { RunEvent } from '../engine/events.ts';
import type { RunStatus } from '../engine/status.ts';

export interface Store {
  /** Opens, migrates, takes ownership and raises the epoch. Rejects with STORE_OWNED, SCHEMA_NEWER, STORE_CORRUPT, STORE_UNAVAILABLE. */
  open(): Promise<StoreOpened>;
  /** After a failed commit: drops what is half done and makes reads and commits work again, under the same epoch. */
  reopen(): Promise<void>;
  /** Finishes what was handed over, checkpoints and lets the owner lock go. */
  close(): Promise<void>;
  commit(batch: Batch): Promise<void>;

  /** Open runs but for those that wait for their turn, ordered by run id. */
  loadActiveRuns(after: string, limit: number): Promise<readonly RunRow[]>;
  /** Runs that wait for their turn, ordered by run id: there may be 100,000 of them, so only what their queue is made from. */
  loadQueuedRuns(after: string, limit: number): Promise<readonly QueuedRun[]>;
  /** All tasks, ordered by (run id, path, attempt). */
  loadTasks(after: TaskKey | undefined, limit: number): Promise<readonly TaskRow[]>;
  /** Rows of one journal from `fromPosition` (the first event wanted; a row that began before it is cut), in order. */
  loadJournal(runId: string, fromPosition: number, limit: number): Promise<readonly JournalRow[]>;
  /** The newest of the run; undefined when it has none. */
  loadSnapshot(runId: string): Promise<SnapshotRow | undefined>;

  getRun(namespace: string, runId: string): Promise<RunRow | undefined>;
  findRunByRequest(namespace: string, requestId: string): Promise<RunRow | undefined>;
  /** Newest first. */
  listRuns(query: RunQuery): Promise<RunPage>;
  /** Run ids that end with `tail` (for short ids), at most `limit`. */
  findRunsByTail(namespace: string, tail: string, limit: number): Promise<readonly string[]>;

  /** All bytes of a blob; undefined when it is not there. */
  getBlob(runId: string, blobId: string): Promise<Uint8Array | undefined>;
  /** How much an attempt wrote; undefined: nothing. */
  getOutput(key: OutputKey): Promise<OutputHead | undefined>;
  /** That of the newest attempt of the step that wrote anything. */
  findLastOutput(runId: string, path: string): Promise<OutputHead | undefined>;
  /** `bytes` of all outputs of a run. */
  sumOutputs(runId: string): Promise<number>;
  /** Chunks of one output, ordered by number. */
  loadChunks(query: ChunkQuery): Promise<readonly ChunkRow[]>;

  /** Writes one part of an uploaded blob, durably; parts come in order (else CONFLICT), part 0 starts the blob again. */
  putBlobPart(runId: string, blobId: string, part: number, bytes: Uint8Array): Promise<void>;

  /**
   * Registers by content: the version that already has this hash, else a new one, numbered from 1 per (namespace, name). With a
   * new one `audit` is written, too, with the number of the version, and `schedule`: what becomes of the workflow's own.
   */
  putWorkflow(
    workflow: NewWorkflow,
    audit?: AuditRow,
    schedule?: ScheduleChange,
  ): Promise<{ readonly row: WorkflowRow; readonly created: boolean }>;
  /** `version` 0 means the latest. */
  getWorkflow(namespace: string, name: string, version: number): Promise<WorkflowRow | undefined>;
  /** The latest version of each, by name, after `after`. */
  listWorkflows(namespace: string, after: string, limit: number): Promise<readonly WorkflowRow[]>;

  getSchedule(key: ScheduleKey): Promise<ScheduleRow | undefined>;
  /** All schedules, ordered by (namespace, name), after `after`. */
  loadSchedules(after: ScheduleKey | undefined, limit: number): Promise<readonly ScheduleRow[]>;

  /** Of all agents to which operators gave any, ordered by (namespace, agent id), after `after`. */
  loadAgentLabels(after: AgentKey | undefined, limit: number): Promise<readonly AgentLabelsRow[]>;

  /** Newest last; transitions of instances, for people. */
  listAgentEvents(agentId: string, limit: number): Promise<readonly AgentEventRow[]>;
  /** Newest first: the audit rows that fit, and an entry for the start of every run that fits, made from its row. */
  listAudit(query: AuditQuery): Promise<readonly AuditRow[]>;
  /**
   * Deletes at most `limit` runs that ended before `before` with all that belongs to them, the oldest first, and as many agent
   * events and audit rows as old. Child runs stay as long as the run is open whose step they are.
   */
  prune(before: number, limit: number): Promise<Pruned>;
  /** Counters since `open`, for metrics and benchmarks. */
  stats(): StoreStats;
}

export interface Pruned {
  readonly runs: number;
  /** True when as many as allowed of something went: there may be more. */
  readonly isMore: boolean;
}

export interface StoreStats {
  /** Transactions that wrote. */
  readonly commits: number;
  readonly rowsWritten: number;
  /** Bytes of journal rows. */
  readonly journalBytes: number;
}

export interface StoreOpened {
  readonly epoch: number;
  readonly schemaVersion: number;
}

/** Everything that one group commit makes durable. */
export interface Batch {
  readonly epoch: number;
  readonly journal: readonly JournalRow[];
  /** Each replaces the run's earlier one. */
  readonly snapshots: readonly SnapshotRow[];
  readonly runs: readonly RunChange[];
  /** Inserted or replaced. */
  readonly tasks: readonly TaskRow[];
  readonly tasksDeleted: readonly TaskKey[];
  readonly checkpoints: readonly CheckpointChange[];
  readonly blobs: readonly BlobRow[];
  /** After `blobs`. One that is not there copies nothing. */
  readonly blobCopies: readonly BlobCopy[];
  /** A chunk that is there already is ignored. */
  readonly outputs: readonly OutputChange[];
  readonly agentEvents: readonly AgentEventRow[];
  /** A row whose id is there already is ignored: a command that is decided again brings its row again. */
  readonly audit: readonly AuditRow[];
  /** In order. */
  readonly schedules: readonly ScheduleChange[];
  /** In order. Each replaces the agent's earlier one; one without labels deletes it. */
  readonly agentLabels: readonly AgentLabelsRow[];
}

/** The events of one decided batch of one run. Adapters encode them (store/codec). */
export interface JournalRow {
  readonly runId: string;
  /** Position of the first event in the run, from 0. */
  readonly position: number;
  readonly events: readonly RunEvent[];
}

/** The state of a run after the first `position` events of its journal, which it may stand for. */
export interface SnapshotRow {
  readonly runId: string;
  readonly position: number;
  /** What they mean is the runtime's. */
  readonly bytes: Uint8Array;
}

export type RunChange =
  | { readonly type: 'insert'; readonly row: RunRow }
  | {
      readonly type: 'status';
      readonly runId: string;
      readonly status: RunStatus;
      readonly endedAt: number | undefined;
      readonly failureCode: string | undefined;
    };

export interface RunRow {
  readonly runId: string;
  readonly shard: number;
  readonly namespace: string;
  readonly workflow: string;
  readonly version: number;
  readonly status: RunStatus;
  readonly priority: Priority;
  readonly queuedAt: number;
  readonly endedAt: number | undefined;
  readonly requestId: string | undefined;
  /** Hash of workflow, version and parameters: tells a repeat from other input under the same request id. */
  readonly inputHash: string;
  readonly failureCode: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** The ended run that it is another try of. */
  readonly retryOf: string | undefined;
  /** The run whose parameters it was started with, changed or not. */
  readonly rerunOf: string | undefined;
  /** The run and the step that it is the child run of. */
  readonly parentRunId: string | undefined;
  readonly parentStep: string | undefined;
  /** Who started it. */
  readonly caller: Caller;
}

/** A run that waits for its turn. */
export interface QueuedRun extends Pick<RunRow, 'runId' | 'namespace' | 'workflow' | 'priority'> {
  /** The step that it is the child run of. */
  readonly parent?: { readonly runId: string; readonly path: string };
}

/** Who made a call, as far as it is known. */
export interface Caller {
  /** What the caller says to be; undefined: nothing. */
  readonly actor: string | undefined;
  /** '' : none. */
  readonly userAgent: string;
  /** IP address without the port; '' : not known. */
  readonly address: string;
}

export interface TaskKey {
  readonly runId: string;
  /** Step path; '' with attempt 0 is the run's own deadline. */
  readonly path: string;
  /** Attempt number; 0 for timers that belong to no attempt. */
  readonly attempt: number;
}

export type TaskState = 'queued' | 'delayed' | 'leased' | 'timer';

/** One attempt that is queued, delayed or leased; or a timer. */
export interface TaskRow extends TaskKey {
  readonly shard: number;
  /** Canonical key of the scheduler class; '' for timers. */
  readonly class: string;
  /** What the scheduler orders by: lower goes first. */
  readonly orderKey: number;
  readonly state: TaskState;
  readonly agentId: string;
  readonly instanceId: string;
  /** Nearest deadline in wall ms; 0: none. */
  readonly dueAt: number;
  /** Of a leased attempt: how long it waits for its instance, ms; 0: the fleet's window. */
  readonly lossWindowMs: number;
  /** Value bytes of the step's latest checkpoint. A new attempt's row is written with the old one's. */
  readonly checkpoint: Uint8Array | undefined;
}

export interface CheckpointChange extends TaskKey {
  readonly checkpoint: Uint8Array;
}

export interface BlobRow {
  readonly runId: string;
  readonly blobId: string;
  readonly bytes: Uint8Array;
}

/** A blob of another run, which this run has from now on under the same id. */
export interface BlobCopy {
  readonly runId: string;
  readonly blobId: string;
  readonly fromRunId: string;
}

/** Whose output it is. */
export interface OutputKey {
  readonly runId: string;
  readonly path: string;
  readonly attempt: number;
}

/** How much an attempt wrote. */
export interface OutputHead extends OutputKey {
  /** Of the last chunk. */
  readonly number: number;
  /** Of all of them, as limits count them. */
  readonly bytes: number;
  /** It was longer than is kept: the last chunk says so. */
  readonly isCut: boolean;
}

/** An output with what was added to it. */
export interface OutputChange extends OutputHead {
  readonly chunks: readonly ChunkRow[];
}

export interface ChunkRow {
  /** From 1, without gaps. */
  readonly number: number;
  /** '' : of a `cut`. */
  readonly channel: string;
  /** `cut`: nothing more is kept; the bytes say of what. */
  readonly kind: ChunkKind;
  /** Of a text: UTF-8. */
  readonly bytes: Uint8Array;
}

export type ChunkKind = 'text' | 'data' | 'cut';

export interface ChunkQuery extends OutputKey {
  /** The number before the first that is wanted. */
  readonly after: number;
  /** Only of this channel, and the `cut`. */
  readonly channel?: string;
  readonly limit: number;
}

export interface WorkflowRow {
  readonly namespace: string;
  readonly name: string;
  readonly version: number;
  readonly hash: string;
  /** Canonical JSON of the WorkflowDefinition. */
  readonly definition: string;
  readonly createdAt: number;
}

export type NewWorkflow = Omit<WorkflowRow, 'version'>;

export interface ScheduleKey {
  readonly namespace: string;
  readonly name: string;
}

/** What is started when. */
export interface ScheduleSpec {
  readonly workflow: string;
  /** 0: the latest at the time of the tick. */
  readonly version: number;
  readonly cron: string;
  /** An IANA name. */
  readonly timezone: string;
  readonly parameters: JsonObject;
  readonly labels: Readonly<Record<string, string>>;
  /** Absent: that of the workflow. */
  readonly priority?: Priority;
  readonly overlap: ScheduleOverlap;
  readonly catchUp: ScheduleCatchUp;
  /** Ticks that were missed longer ago are not made up for. */
  readonly catchUpWindowMs: number;
}

export interface ScheduleRow extends ScheduleKey {
  readonly spec: ScheduleSpec;
  /** It stands in the definition of its workflow, which has its name. False: it was put by a caller. */
  readonly isOfWorkflow: boolean;
  readonly isPaused: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Every tick up to and including this time was handled, wall ms. */
  readonly seenAt: number;
  readonly lastTick?: ScheduleTick;
  /** The last run that it started, on time or by hand. */
  readonly lastRunId?: string;
}

/** MISSED: nobody was there and it was not made up for; SKIPPED: the last run was open; FAILED: the start was refused. */
export type ScheduleOutcome = 'STARTED' | 'SKIPPED' | 'MISSED' | 'FAILED';

export interface ScheduleTick {
  readonly at: number;
  readonly outcome: ScheduleOutcome;
  /** Why it FAILED; else ''. */
  readonly errorCode: string;
}

export type ScheduleChange =
  | { readonly type: 'put'; readonly row: ScheduleRow }
  | ({ readonly type: 'delete' } & ScheduleKey);

export interface AgentKey {
  readonly namespace: string;
  readonly agentId: string;
}

/** All labels that operators gave to an agent. */
export interface AgentLabelsRow extends AgentKey {
  readonly labels: Readonly<Record<string, string>>;
}

export interface AgentEventRow {
  readonly at: number;
  readonly agentId: string;
  readonly instanceId: string;
  readonly kind: string;
  readonly message: string;
}

/** A call that changed something, or was refused the change. Starts that were done have none: their run's row says the same. */
export interface AuditRow {
  /** A ULID of `at`. */
  readonly id: string;
  readonly at: number;
  readonly namespace: string;
  readonly caller: Caller;
  /** Such as `run.cancel`. */
  readonly action: string;
  readonly subjectKind: AuditSubjectKind;
  readonly subject: string;
  /** What the subject is or belongs to; '' : none. */
  readonly workflow: string;
  /** 0: none. */
  readonly version: number;
  /** '' : none. */
  readonly requestId: string;
  /** '' : it was done. */
  readonly errorCode: string;
  readonly details: Readonly<Record<string, string>>;
}

export type AuditSubjectKind = 'WORKFLOW' | 'RUN' | 'SCHEDULE' | 'AGENT';

export interface AuditQuery {
  readonly namespace: string;
  readonly action?: string;
  /** The subject, or the workflow that it belongs to. */
  readonly subject?: string;
  /** Null: callers without a name. */
  readonly actor?: string | null;
  /** Ids from this one on; '' : all. */
  readonly from: string;
  /** Ids below this one (keyset paging, newest first); '' starts at the newest. */
  readonly before: string;
  readonly limit: number;
}

/** Which runs; everything that is given must hold. */
export interface RunFilter {
  readonly workflow?: string;
  /** One of these; empty: any. */
  readonly statuses?: readonly RunStatus[];
  /** Every one of these. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly failureCode?: string;
  /** Child runs of this run. */
  readonly parentRunId?: string;
  /** Run ids from this one on, and below `before`: ids begin with the time of the start (`firstUlidAt`). '': no bound. */
  readonly from?: string;
  /** Only open ones that are stuck: known to the runtime alone, which asks no adapter for it. */
  readonly stuck?: boolean;
}

export interface RunQuery extends RunFilter {
  readonly namespace: string;
  /** Run ids below this one (keyset paging, newest first); '' starts at the newest. */
  readonly before: string;
  readonly limit: number;
}

export interface RunPage {
  readonly runs: readonly RunRow[];
  /** `before` of the next page; '': this was the last. A page that is not the last may be short: an adapter looks at so many rows at most. */
  readonly next: string;
}

export type StoreErrorKind = 'FENCED' | 'CONFLICT' | 'BUSY' | 'FULL' | 'UNCLEAR' | 'ABANDONED' | 'CLOSED';

/** Why a store call failed. BUSY, FULL, FENCED and CONFLICT wrote nothing for certain; UNCLEAR may have. */
export class StoreError extends Error {
  readonly kind: StoreErrorKind;
  constructor(kind: StoreErrorKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'StoreError';
    this.kind = kind;
  }
}
