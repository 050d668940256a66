/** One batch on memory data: everything is checked before anything is written, so a refusal leaves no trace. */
import { encodeEvents } from '../codec/encode.ts';
import {
  type AgentKey,
  type AgentLabelsRow,
  type Batch,
  type BlobCopy,
  type JournalRow,
  type RunChange,
  type RunRow,
  type ScheduleChange,
  type ScheduleKey,
  StoreError,
  type TaskKey,
} from '../port.ts';
import type { MemoryData } from './memory-data.ts';
import { applyOutput } from './outputs.ts';

/** Throws FENCED or CONFLICT and writes nothing; answers the bytes of the journal rows. */
export function applyBatch(data: MemoryData, batch: Batch): number {
  mustBeNewest(data, batch.epoch);
  checkJournal(data, batch);
  checkRuns(data, batch);
  const journal = batch.journal.map((row) => ({ ...row, bytes: encodeEvents(row.events) }));
  for (const row of journal) appendRow(data, row);
  for (const row of batch.snapshots) data.snapshots.set(row.runId, row);
  for (const change of batch.runs) applyRunChange(data, change);
  applyTasks(data, batch);
  for (const blob of batch.blobs) blobsOf(data, blob.runId).set(blob.blobId, [blob.bytes]);
  for (const copy of batch.blobCopies) copyBlob(data, copy);
  for (const change of batch.outputs) applyOutput(data, change);
  data.agentEvents.push(...batch.agentEvents);
  for (const row of batch.audit) if (!data.audit.has(row.id)) data.audit.set(row.id, row);
  for (const change of batch.schedules) applySchedule(data, change);
  for (const row of batch.agentLabels) applyLabels(data, row);
  return journal.reduce((sum, row) => sum + row.bytes.length, 0);
}

export function mustBeNewest(data: MemoryData, epoch: number): void {
  if (epoch === data.epoch) return;
  throw new StoreError('FENCED', `cannot write with epoch ${epoch}: epoch ${data.epoch} owns the store`);
}

export function requestKey(namespace: string, requestId: string): string {
  return `${namespace}\0${requestId}`;
}

export function taskKey(key: TaskKey): string {
  return `${key.runId}\0${key.path}\0${key.attempt}`;
}

export function scheduleKey({ namespace, name }: ScheduleKey): string {
  return `${namespace}\0${name}`;
}

export function agentKey({ namespace, agentId }: AgentKey): string {
  return `${namespace}\0${agentId}`;
}

export function blobsOf(data: MemoryData, runId: string): Map<string, Uint8Array[]> {
  let blobs = data.blobs.get(runId);
  if (blobs === undefined) {
    blobs = new Map();
    data.blobs.set(runId, blobs);
  }
  return blobs;
}

/** Parts are never changed in place: both runs may have the same. */
function copyBlob(data: MemoryData, { runId, blobId, fromRunId }: BlobCopy): void {
  const parts = data.blobs.get(fromRunId)?.get(blobId);
  if (parts !== undefined) blobsOf(data, runId).set(blobId, parts);
}

function checkJournal(data: MemoryData, batch: Batch): void {
  const seen = new Set<string>();
  for (const { runId, position } of batch.journal) {
    const key = `${runId}\0${position}`;
    if (data.journals.get(runId)?.has(position) || seen.has(key)) {
      throw new StoreError('CONFLICT', `cannot append to journal "${runId}": position ${position} is taken`);
    }
    seen.add(key);
  }
}

function checkRuns(data: MemoryData, batch: Batch): void {
  const runs = new Set<string>();
  const requests = new Set<string>();
  for (const change of batch.runs) {
    if (change.type !== 'insert') continue;
    const { runId, namespace, requestId } = change.row;
    if (data.runs.has(runId) || runs.has(runId))
      throw new StoreError('CONFLICT', `cannot insert run "${runId}": it exists`);
    runs.add(runId);
    if (requestId === undefined) continue;
    const key = requestKey(namespace, requestId);
    if (data.requests.has(key) || requests.has(key)) {
      throw new StoreError('CONFLICT', `cannot insert run "${runId}": request id "${requestId}" has a run`);
    }
    requests.add(key);
  }
}

function appendRow(data: MemoryData, row: JournalRow & { readonly bytes: Uint8Array }): void {
  const rows = data.journals.get(row.runId);
  if (rows === undefined) data.journals.set(row.runId, new Map([[row.position, row.bytes]]));
  else rows.set(row.position, row.bytes);
}

function applyRunChange(data: MemoryData, change: RunChange): void {
  if (change.type === 'insert') {
    const { runId, namespace, requestId } = change.row;
    data.runs.set(runId, change.row);
    if (requestId !== undefined) data.requests.set(requestKey(namespace, requestId), runId);
    return;
  }
  const { runId, status, endedAt, failureCode } = change;
  const row = data.runs.get(runId);
  if (row !== undefined) data.runs.set(runId, { ...row, status, endedAt, failureCode } satisfies RunRow);
}

export function applySchedule(data: MemoryData, change: ScheduleChange): void {
  if (change.type === 'put') data.schedules.set(scheduleKey(change.row), change.row);
  else data.schedules.delete(scheduleKey(change));
}

function applyLabels(data: MemoryData, row: AgentLabelsRow): void {
  if (Object.keys(row.labels).length > 0) data.agentLabels.set(agentKey(row), row);
  else data.agentLabels.delete(agentKey(row));
}

function applyTasks(data: MemoryData, batch: Batch): void {
  for (const key of batch.tasksDeleted) data.tasks.delete(taskKey(key));
  for (const row of batch.tasks) data.tasks.set(taskKey(row), row);
  for (const change of batch.checkpoints) {
    const key = taskKey(change);
    const row = data.tasks.get(key);
    if (row !== undefined) data.tasks.set(key, { ...row, checkpoint: change.checkpoint });
  }
}
