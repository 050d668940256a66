/**
 * Everything that was decided since the last seal and waits for one commit. Changes to one task are merged: ready then
 * leased writes one row, and a task that is done only deletes it.
 */
import { limits } from '../../core/limits.ts';
import type { RunEvent } from '../engine/events.ts';
import type {
  AgentEventRow,
  AgentLabelsRow,
  AuditRow,
  Batch,
  BlobCopy,
  BlobRow,
  CheckpointChange,
  ChunkRow,
  OutputChange,
  OutputHead,
  RunChange,
  ScheduleChange,
  SnapshotRow,
  TaskKey,
  TaskRow,
} from '../store/port.ts';
import type { Pending, RunHolder } from './run-holder.ts';
import { countRow } from './snapshots.ts';

export class StagedBatch {
  /** What was decided; decided again when the commit fails. */
  readonly pending: Pending[] = [];
  readonly holders = new Map<RunHolder, { readonly position: number; readonly events: RunEvent[] }>();
  /** Called while the batch is being written: what its effects can have ready. */
  readonly preparations: (() => void)[] = [];
  /** Called in order when the batch is durable. */
  readonly effects: (() => void)[] = [];
  /** Called when the batch is durable (true) or undone (false). */
  readonly onSettled: ((isDurable: boolean) => void)[] = [];
  readonly blobs: BlobRow[] = [];
  readonly blobCopies: BlobCopy[] = [];
  /** What attempts wrote, by attempt id. */
  private readonly outputs = new Map<string, { head: OutputHead; readonly chunks: ChunkRow[] }>();
  readonly checkpoints = new Map<string, CheckpointChange>();
  readonly agentEvents: AgentEventRow[] = [];
  readonly audit: AuditRow[] = [];
  readonly schedules: ScheduleChange[] = [];
  readonly agentLabels: AgentLabelsRow[] = [];
  eventCount = 0;
  blobBytes = 0;
  outputBytes = 0;
  private readonly runs = new Map<string, RunChange>();
  private readonly tasks = new Map<string, TaskRow>();
  private readonly deleted = new Map<string, TaskKey>();

  get isEmpty(): boolean {
    return (
      this.pending.length === 0 &&
      this.checkpoints.size === 0 &&
      this.outputs.size === 0 &&
      this.agentEvents.length === 0 &&
      this.audit.length === 0 &&
      this.schedules.length === 0 &&
      this.agentLabels.length === 0 &&
      this.effects.length === 0
    );
  }

  /** Nothing more needs to go with it: the next commit can have the rest. */
  get isFull(): boolean {
    return this.eventCount >= limits.commitEventsMax || this.blobBytes + this.outputBytes >= limits.commitBlobBytesMax;
  }

  addEvents(holder: RunHolder, position: number, events: readonly RunEvent[]): void {
    const row = this.holders.get(holder);
    if (row === undefined) this.holders.set(holder, { position, events: [...events] });
    else row.events.push(...events);
    this.eventCount += events.length;
  }

  addRun(change: RunChange): void {
    const runId = change.type === 'insert' ? change.row.runId : change.runId;
    const earlier = this.runs.get(runId);
    if (earlier?.type === 'insert' && change.type === 'status') {
      const { status, endedAt, failureCode } = change;
      this.runs.set(runId, { type: 'insert', row: { ...earlier.row, status, endedAt, failureCode } });
    } else this.runs.set(runId, change);
  }

  putTask(key: string, row: TaskRow): void {
    this.deleted.delete(key);
    this.tasks.set(key, row);
  }

  deleteTask(key: string, task: TaskKey): void {
    this.tasks.delete(key);
    this.checkpoints.delete(key);
    this.deleted.set(key, task);
  }

  addBlob(blob: BlobRow): void {
    this.blobs.push(blob);
    this.blobBytes += blob.bytes.length;
  }

  /** After those that the batch has of the same attempt. */
  addChunks(attemptId: string, { chunks, ...head }: OutputChange): void {
    const output = this.outputs.get(attemptId);
    if (output === undefined) this.outputs.set(attemptId, { head, chunks: [...chunks] });
    else {
      output.head = head;
      output.chunks.push(...chunks);
    }
    for (const { bytes } of chunks) this.outputBytes += bytes.length + limits.chunkOverheadBytes;
  }

  findBlob(runId: string, blobId: string): Uint8Array | undefined {
    return this.blobs.find((blob) => blob.runId === runId && blob.blobId === blobId)?.bytes;
  }

  seal(epoch: number): Batch {
    const journal = [];
    const snapshots: SnapshotRow[] = [];
    for (const [holder, { position, events }] of this.holders) {
      if (events.length === 0) continue;
      journal.push({ runId: holder.runId, position, events });
      const snapshot = countRow(holder, position + events.length);
      if (snapshot !== undefined) snapshots.push(snapshot);
    }
    return {
      epoch,
      journal,
      snapshots,
      runs: [...this.runs.values()],
      tasks: [...this.tasks.values()],
      tasksDeleted: [...this.deleted.values()],
      checkpoints: [...this.checkpoints.values()],
      blobs: this.blobs,
      blobCopies: this.blobCopies,
      outputs: [...this.outputs.values()].map(({ head, chunks }) => ({ ...head, chunks })),
      agentEvents: this.agentEvents,
      audit: this.audit,
      schedules: this.schedules,
      agentLabels: this.agentLabels,
    };
  }
}
