/** Rows for the store's tests; each names only what its test is about. */
import type {
  AuditRow,
  Batch,
  ChunkRow,
  JournalRow,
  NewWorkflow,
  OutputChange,
  RunRow,
  ScheduleRow,
  TaskRow,
} from '../../../src/control-plane/store/index.ts';
import { firstUlidAt } from '../../../src/core/ids.ts';

export const NOW = 1_764_000_000_000;

/** The id of an entry from `ms` after NOW. */
export function auditId(ms: number): string {
  return `${firstUlidAt(NOW + ms).slice(0, -1)}1`;
}

export function anEntry(ms: number, fields: Partial<AuditRow> = {}): AuditRow {
  return {
    id: auditId(ms),
    at: NOW + ms,
    namespace: 'default',
    caller: { actor: undefined, userAgent: '', address: '127.0.0.1' },
    action: 'run.cancel',
    subjectKind: 'RUN',
    subject: runId(1),
    workflow: 'etl',
    version: 1,
    requestId: '',
    errorCode: '',
    details: {},
    ...fields,
  };
}

/** A run id that sorts by `number`. */
export function runId(number: number): string {
  return `01k${String(number).padStart(23, '0')}`;
}

export function aRun(number: number, fields: Partial<RunRow> = {}): RunRow {
  return {
    runId: runId(number),
    shard: 7,
    namespace: 'default',
    workflow: 'etl',
    version: 1,
    status: 'QUEUED',
    priority: 'normal',
    queuedAt: NOW + number,
    endedAt: undefined,
    requestId: undefined,
    inputHash: 'h',
    failureCode: undefined,
    labels: {},
    retryOf: undefined,
    rerunOf: undefined,
    parentRunId: undefined,
    parentStep: undefined,
    caller: { actor: undefined, userAgent: 'grpc-node-js/1', address: '127.0.0.1' },
    ...fields,
  };
}

/** An output with chunks from `first` on, each a text. */
export function anOutput(
  number: number,
  path: string,
  attempt: number,
  first: number,
  texts: readonly string[],
  fields: Partial<OutputChange> = {},
): OutputChange {
  const chunks = texts.map((text, i) => aChunk(first + i, text));
  const last = first + texts.length - 1;
  return { runId: runId(number), path, attempt, number: last, bytes: last * 10, isCut: false, chunks, ...fields };
}

export function aChunk(number: number, text: string, fields: Partial<ChunkRow> = {}): ChunkRow {
  return { number, channel: 'main', kind: 'text', bytes: new TextEncoder().encode(text), ...fields };
}

export function aTask(number: number, path: string, attempt: number, fields: Partial<TaskRow> = {}): TaskRow {
  return {
    runId: runId(number),
    path,
    attempt,
    shard: 7,
    class: 'extract|*',
    orderKey: NOW - 0.5,
    state: 'queued',
    agentId: '',
    instanceId: '',
    dueAt: 0,
    lossWindowMs: 0,
    checkpoint: undefined,
    ...fields,
  };
}

export function aJournal(number: number, position: number, ...paths: string[]): JournalRow {
  const events = paths.map((path, index) => ({ type: 'StepQueued' as const, at: NOW + position + index, path }));
  return { runId: runId(number), position, events };
}

export function aBatch(epoch: number, fields: Partial<Omit<Batch, 'epoch'>> = {}): Batch {
  return {
    epoch,
    journal: [],
    snapshots: [],
    runs: [],
    tasks: [],
    tasksDeleted: [],
    checkpoints: [],
    blobs: [],
    blobCopies: [],
    outputs: [],
    agentEvents: [],
    audit: [],
    schedules: [],
    agentLabels: [],
    ...fields,
  };
}

export function insert(...rows: RunRow[]): Pick<Batch, 'runs'> {
  return { runs: rows.map((row) => ({ type: 'insert', row })) };
}

export function aSchedule(name: string, fields: Partial<ScheduleRow> = {}): ScheduleRow {
  return {
    namespace: 'default',
    name,
    spec: {
      workflow: 'etl',
      version: 0,
      cron: '0 2 * * *',
      timezone: 'Europe/Berlin',
      parameters: { table: 'orders', list: [1, null] },
      labels: { team: 'data' },
      overlap: 'skip',
      catchUp: 'one',
      catchUpWindowMs: 86_400_000,
    },
    isOfWorkflow: false,
    isPaused: false,
    createdAt: NOW,
    updatedAt: NOW,
    seenAt: NOW,
    ...fields,
  };
}

export function aWorkflow(name: string, hash: string, fields: Partial<NewWorkflow> = {}): NewWorkflow {
  return { namespace: 'default', name, hash, definition: `{"name":"${name}"}`, createdAt: NOW, ...fields };
}
