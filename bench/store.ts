/**
 * What the store costs per step: `node bench/store.ts [--inline]`. A step is one journal row of four events, one task
 * deleted and one inserted; batches of several sizes are committed one after the other and two at a time.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunEvent } from '../src/control-plane/engine/events.ts';
import { type Batch, openSqliteStore, type Store, type TaskRow } from '../src/control-plane/store/index.ts';
import { systemClock } from '../src/core/clock.ts';
import { createUlid, shardOf } from '../src/core/ids.ts';
import { seededRandom } from '../src/core/random.ts';
import { encodeValue } from '../src/core/value.ts';

const BATCH_STEPS = [1, 8, 32, 128];
const MEASURE_MS = 2_000;
const RUNS = 256;

const random = seededRandom(1);
const runIds = Array.from({ length: RUNS }, () => createUlid(Date.now(), random));
const value = { kind: 'inline', bytes: encodeValue({ rows: 1234, source: 'airports', ok: true }) } as const;

function eventsOf(step: number, at: number): RunEvent[] {
  const path = `step-${step % 10}`;
  const next = `step-${(step + 1) % 10}`;
  const lease = {
    number: 1,
    try: 1,
    agentId: 'db-extractor',
    instanceId: '01k5x9q4d7m8n2p3r6s7t8v9w0',
    idempotent: true,
  };
  return [
    { type: 'AttemptEnded', at, path, number: 1, outcome: 'COMPLETED' },
    { type: 'StepCompleted', at, path, output: value },
    { type: 'StepReady', at, path: next, input: value },
    { type: 'AttemptStarted', at, path: next, ...lease, deadlineAt: at + 3_600_000 },
  ];
}

function taskOf(runId: string, step: number, at: number): TaskRow {
  return {
    runId,
    path: `step-${step % 10}`,
    attempt: 1,
    shard: shardOf(runId),
    class: 'extract|*|||default',
    orderKey: at,
    state: 'leased',
    agentId: 'db-extractor',
    instanceId: '01k5x9q4d7m8n2p3r6s7t8v9w0',
    dueAt: at + 3_600_000,
    lossWindowMs: 0,
    checkpoint: undefined,
  };
}

/** Steps go round the runs, so that each batch touches as many runs as it has steps. */
function createBatches(epoch: number): (steps: number) => Batch {
  let step = 0;
  return (steps) => {
    const at = Date.now();
    const rows = Array.from({ length: steps }, () => {
      const runId = runIds[step % RUNS] ?? '';
      const turn = Math.floor(step / RUNS);
      step += 1;
      return { runId, turn };
    });
    return {
      epoch,
      journal: rows.map(({ runId, turn }) => ({ runId, position: turn * 4, events: eventsOf(turn, at) })),
      snapshots: [],
      runs: [],
      tasks: rows.map(({ runId, turn }) => taskOf(runId, turn + 1, at)),
      tasksDeleted: rows.map(({ runId, turn }) => taskOf(runId, turn, at)),
      checkpoints: [],
      blobs: [],
      blobCopies: [],
      outputs: [],
      agentEvents: [],
      audit: [],
      schedules: [],
      agentLabels: [],
    };
  };
}

/** Commits batches for a while, `depth` at a time; milliseconds of each. */
async function measure(store: Store, next: () => Batch, depth: number): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + MEASURE_MS;
  const line = async (): Promise<void> => {
    while (performance.now() < end) {
      const start = performance.now();
      await store.commit(next());
      times.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: depth }, line));
  return times.sort((left, right) => left - right);
}

const folder = mkdtempSync(join(tmpdir(), 'yardmaster-bench-'));
const store = openSqliteStore({
  file: join(folder, 'store.db'),
  inline: process.argv.includes('--inline'),
  clock: systemClock,
});
try {
  const { epoch } = await store.open();
  const next = createBatches(epoch);
  const table = [];
  for (const depth of [1, 2]) {
    for (const steps of BATCH_STEPS) {
      const cpu = process.cpuUsage();
      const times = await measure(store, () => next(steps), depth);
      const { user, system } = process.cpuUsage(cpu);
      const at = (share: number): number => Number((times[Math.floor(times.length * share)] ?? 0).toFixed(2));
      table.push({
        'steps per batch': steps,
        'batches at a time': depth,
        'commits/s': Math.round((times.length * 1000) / MEASURE_MS),
        'steps/s': Math.round((times.length * steps * 1000) / MEASURE_MS),
        'CPU us per step': Number(((user + system) / (times.length * steps)).toFixed(1)),
        'p50 ms': at(0.5),
        'p99 ms': at(0.99),
      });
    }
  }
  console.table(table);
} finally {
  await store.close();
  rmSync(folder, { recursive: true });
}
