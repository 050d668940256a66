/** Random batches on memory and on SQLite: the same answers, the same refusals, the same rows. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { RunStatus } from '../../src/control-plane/engine/status.ts';
import {
  type AuditQuery,
  type Batch,
  createMemoryStore,
  openSqliteStore,
  type RunChange,
  type RunFilter,
  type ScheduleChange,
  type Store,
  StoreError,
} from '../../src/control-plane/store/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import { aBatch, aJournal, anEntry, anOutput, aRun, aSchedule, aTask, auditId, NOW, runId } from './store/rows.ts';

const RUNS = 5;
const number = fc.integer({ min: 1, max: RUNS });
const some = <Value>(item: fc.Arbitrary<Value>): fc.Arbitrary<Value[]> => fc.array(item, { maxLength: 3 });
const status = fc.constantFrom<RunStatus>('QUEUED', 'RUNNING', 'COMPLETED', 'FAILED');
const text = fc.oneof(fc.constant('a'), fc.string({ unit: 'grapheme', maxLength: 4 }));
const bytes = fc.uint8Array({ maxLength: 8 });
const path = fc.constantFrom('', 'a', 'a/1/b');

const usual = fc.constantFrom<Record<string, string>>({ k: 'v' }, { k: 'v', l: 'w' }, { k: 'w', l: 'v' });
const caller = fc.record({ actor: fc.constantFrom(undefined, 'ada', ''), userAgent: text, address: text });

const insert = fc
  .tuple(
    number,
    status,
    fc.constantFrom(undefined, 'q1', 'q2'),
    fc.oneof(usual, fc.dictionary(text, text, { maxKeys: 2 })),
    caller,
    fc.constantFrom(undefined, runId(1)),
  )
  .map(([run, state, requestId, labels, by, retryOf]): RunChange => {
    const endedAt = state === 'COMPLETED' || state === 'FAILED' ? NOW + run : undefined;
    const fields = {
      status: state,
      endedAt,
      requestId,
      labels: { ...labels },
      caller: by,
      retryOf,
      rerunOf: requestId,
      parentRunId: retryOf,
      parentStep: retryOf === undefined ? undefined : 'call',
    };
    return { type: 'insert', row: aRun(run, fields) };
  });
const change = fc
  .tuple(number, status, fc.constantFrom(undefined, NOW, NOW + 9), fc.constantFrom(undefined, 'X', 'Y'))
  .map(
    ([run, state, endedAt, failureCode]): RunChange => ({
      type: 'status',
      runId: runId(run),
      status: state,
      endedAt,
      failureCode,
    }),
  );
const task = fc
  .tuple(number, path, fc.nat(2), fc.option(bytes, { nil: undefined }), text)
  .map(([run, step, attempt, checkpoint, agentId]) => aTask(run, step, attempt, { checkpoint, agentId }));

const entry = fc
  .tuple(
    fc.nat(9),
    number,
    fc.constantFrom('run.cancel', 'run.start'),
    caller,
    fc.dictionary(text, text, { maxKeys: 2 }),
  )
  .map(([ms, run, action, by, details]) =>
    anEntry(ms, {
      subject: runId(run),
      action,
      caller: by,
      errorCode: action === 'run.start' ? 'X' : '',
      details: { ...details },
    }),
  );

const schedule = fc
  .tuple(fc.constantFrom('a', 'b', 'c'), fc.boolean(), fc.nat(9), fc.option(text, { nil: undefined }))
  .map(([name, isPaused, at, lastRunId]): ScheduleChange => {
    if (at === 0) return { type: 'delete', namespace: 'default', name };
    return {
      type: 'put',
      row: aSchedule(name, { isPaused, seenAt: NOW + at, ...(lastRunId !== undefined && { lastRunId }) }),
    };
  });

const batch: fc.Arbitrary<Omit<Batch, 'epoch'>> = fc.record({
  journal: some(fc.tuple(number, fc.nat(6), path).map(([run, at, step]) => aJournal(run, at, step, 'x'))),
  snapshots: some(
    fc.tuple(number, fc.nat(6), bytes).map(([run, position, of]) => ({ runId: runId(run), position, bytes: of })),
  ),
  runs: some(fc.oneof(insert, change)),
  tasks: some(task),
  tasksDeleted: some(task),
  checkpoints: some(task.map((row) => ({ ...row, checkpoint: row.checkpoint ?? Uint8Array.of(7) }))),
  blobs: some(fc.tuple(number, text, bytes).map(([run, blobId, part]) => ({ runId: runId(run), blobId, bytes: part }))),
  blobCopies: some(
    fc
      .tuple(number, text, number)
      .map(([run, blobId, from]) => ({ runId: runId(run), blobId, fromRunId: runId(from) })),
  ),
  outputs: some(
    fc
      .tuple(number, path, fc.nat(1), fc.integer({ min: 1, max: 3 }), some(text), fc.boolean())
      .map(([run, step, attempt, first, texts, isCut]) => anOutput(run, step, attempt, first, texts, { isCut })),
  ),
  agentEvents: some(
    fc.tuple(fc.nat(9), text).map(([at, kind]) => ({ at: NOW + at, agentId: 'a', instanceId: 'i', kind, message: '' })),
  ),
  audit: some(entry),
  schedules: some(schedule),
  agentLabels: some(
    fc
      .tuple(fc.constantFrom('a', 'b'), fc.oneof(fc.constant({}), usual))
      .map(([agentId, labels]) => ({ namespace: 'default', agentId, labels: { ...labels } })),
  ),
});

const PAGE = { namespace: 'default', before: '', limit: 2 };
const FILTERS: readonly RunFilter[] = [
  { statuses: ['COMPLETED', 'FAILED'] },
  { labels: { k: 'v' } },
  { labels: { k: 'v', l: 'w' }, statuses: ['QUEUED', 'RUNNING'] },
  { failureCode: 'X', labels: { k: 'v' } },
  { parentRunId: runId(1), statuses: ['COMPLETED', 'RUNNING'] },
  { workflow: 'etl', statuses: ['RUNNING'], from: runId(2) },
];

type Step =
  | { readonly type: 'commit'; readonly batch: Omit<Batch, 'epoch'> }
  | { readonly type: 'prune'; readonly before: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant('commit' as const), batch }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('prune' as const), before: fc.nat(9).map((at) => NOW + at) }) },
);

/** What a step comes to: the kind of its refusal, or what it answers. */
async function perform(store: Store, epoch: number, what: Step): Promise<unknown> {
  if (what.type === 'prune') return store.prune(what.before, 100);
  try {
    return await store.commit(aBatch(epoch, what.batch));
  } catch (error) {
    await store.reopen();
    return error instanceof StoreError ? error.kind : error;
  }
}

const everything = { namespace: 'default', from: '', before: '', limit: 100 };
const auditQueries: readonly Partial<AuditQuery>[] = [
  {},
  { action: 'run.start', limit: 3 },
  { action: 'run.cancel', actor: 'ada' },
  { actor: null, from: auditId(3), before: auditId(7) },
  { subject: runId(2) },
  { subject: 'etl', actor: 'ada', before: runId(4) },
];

async function readOutputs(store: Store, id: string): Promise<unknown> {
  const output = { runId: id, path: 'a', attempt: 1 };
  const chunks = await store.loadChunks({ ...output, after: 1, channel: 'main', limit: 2 });
  return {
    head: await store.getOutput(output),
    last: await store.findLastOutput(id, 'a'),
    sum: await store.sumOutputs(id),
    chunks: chunks.map((chunk) => ({ ...chunk, bytes: Buffer.from(chunk.bytes).toString() })),
  };
}

async function readEverything(store: Store): Promise<unknown> {
  const runIds = Array.from({ length: RUNS }, (_, index) => runId(index + 1));
  return {
    active: await store.loadActiveRuns('', 100),
    queued: await store.loadQueuedRuns('', 100),
    nextQueued: await store.loadQueuedRuns(runId(2), 1),
    all: await store.listRuns({ namespace: 'default', before: '', limit: 100 }),
    failed: await store.listRuns({ namespace: 'default', statuses: ['FAILED'], before: runId(4), limit: 100 }),
    filtered: await Promise.all(FILTERS.map((filter) => store.listRuns({ ...filter, ...PAGE }))),
    requests: [await store.findRunByRequest('default', 'q1'), await store.findRunByRequest('default', 'q2')],
    tails: await store.findRunsByTail('default', '3', 100),
    tasks: await store.loadTasks(undefined, 100),
    journals: await Promise.all(runIds.map((id) => store.loadJournal(id, 0, 100))),
    rests: await Promise.all(runIds.map((id) => store.loadJournal(id, 3, 2))),
    snapshots: await Promise.all(
      runIds.map(async (id) => {
        const { position, bytes: of } = (await store.loadSnapshot(id)) ?? {};
        return { position, bytes: Buffer.from(of ?? []) };
      }),
    ),
    blobs: await Promise.all(runIds.map(async (id) => Buffer.from((await store.getBlob(id, 'a')) ?? []))),
    outputs: await Promise.all(runIds.map((id) => readOutputs(store, id))),
    audit: await Promise.all(auditQueries.map((query) => store.listAudit({ ...everything, ...query }))),
    schedules: await store.loadSchedules(undefined, 100),
    labels: [
      await store.loadAgentLabels(undefined, 100),
      await store.loadAgentLabels({ namespace: 'default', agentId: 'a' }, 1),
    ],
    agents: (await store.listAgentEvents('a', 100)).map((row) => row.at),
  };
}

it('memory and SQLite agree on every answer and every row', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'yardmaster-agree-'));
  let files = 0;
  let refusals = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const memory = createMemoryStore();
      // Not fsynced: this is about what the rows are.
      const file = join(folder, `${files++}.db`);
      const sqlite = openSqliteStore({ file, inline: true, clock: systemClock, tuning: { synchronous: 'NORMAL' } });
      const { epoch } = await memory.open();
      await sqlite.open();
      for (const what of steps) {
        const answer = await perform(memory, epoch, what);
        if (answer === 'CONFLICT') refusals += 1;
        expect(await perform(sqlite, epoch, what)).toEqual(answer);
      }
      expect(await readEverything(sqlite)).toEqual(await readEverything(memory));
      await sqlite.close();
    }),
    { numRuns: 50 },
  );
  rmSync(folder, { recursive: true });
  expect(refusals).toBeGreaterThan(10);
});
