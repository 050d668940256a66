/**
 * What it takes to load an open run after a restart: a long loop, from its whole journal (and of that: to read the rows, to decode
 * them, to fold their events) and from its newest snapshot with the rows after it. The journal is made by the engine itself; the
 * store is a file of its own, opened anew.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRun } from '../src/control-plane/engine/commands/start-run.ts';
import { decide } from '../src/control-plane/engine/decide.ts';
import type { RunEvent } from '../src/control-plane/engine/events.ts';
import { evolve } from '../src/control-plane/engine/evolve.ts';
import { createRunState } from '../src/control-plane/engine/state.ts';
import { RunHolder } from '../src/control-plane/runtime/run-holder.ts';
import { RunLoader } from '../src/control-plane/runtime/run-loader.ts';
import { countRow } from '../src/control-plane/runtime/snapshots.ts';
import { decodeEvents } from '../src/control-plane/store/codec/decode.ts';
import { encodeEvents } from '../src/control-plane/store/codec/encode.ts';
import { type Batch, openSqliteStore, type Store } from '../src/control-plane/store/index.ts';
import { systemClock } from '../src/core/clock.ts';
import { createUlid } from '../src/core/ids.ts';
import { silentLogger } from '../src/core/logger.ts';
import { seededRandom } from '../src/core/random.ts';
import { encodeValue } from '../src/core/value.ts';
import { compileWorkflow } from '../src/workflow/compile.ts';
import type { CompiledWorkflow } from '../src/workflow/compiled.ts';
import type { WorkflowDefinition } from '../src/workflow/definition.ts';

export interface RecoveryPoint {
  readonly iterations: number;
  readonly events: number;
  readonly journalBytes: number;
  readonly snapshotBytes: number;
  /** Rows that follow the snapshot. */
  readonly rowsAfter: number;
  readonly wholeMs: number;
  readonly readMs: number;
  readonly decodeMs: number;
  readonly foldMs: number;
  readonly snapshotMs: number;
}

/** With one agent step each. A run has at most 100,000 events, six an iteration: the last one is beyond that. */
const ITERATIONS = [1_000, 5_000, 15_000, 31_000];
const ROUNDS = 5;
const PAGE = 512;
const ROWS_PER_COMMIT = 100;
const NOW = 1_764_000_000_000;
const values = { get: () => undefined };
const text = { text: 'x'.repeat(200) };
const output = { kind: 'inline', bytes: encodeValue(text) } as const;
const agent = { agentId: 'worker', instanceId: '01k5x9q4d7m8n2p3r6s7t8v9w1' };

interface Loop {
  readonly runId: string;
  readonly workflow: CompiledWorkflow;
  readonly batches: readonly Pick<Batch, 'journal' | 'snapshots'>[];
}

export async function measureRecovery(): Promise<readonly RecoveryPoint[]> {
  const points: RecoveryPoint[] = [];
  for (const iterations of ITERATIONS) {
    const folder = mkdtempSync(join(tmpdir(), 'yardmaster-bench-'));
    try {
      points.push(await measure(join(folder, 'store.db'), iterations));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  return points;
}

async function measure(file: string, iterations: number): Promise<RecoveryPoint> {
  const loop = makeLoop(iterations);
  const journalBytes = await write(file, loop);
  const store = openSqliteStore({ file, clock: systemClock });
  await store.open();
  try {
    const { runId, workflow } = loop;
    const options = { store, logger: silentLogger, workflowOf: async () => workflow };
    const without = { loadJournal: store.loadJournal.bind(store), loadSnapshot: async () => undefined };
    const whole = new RunLoader({ ...options, store: without });
    const loader = new RunLoader(options);
    const [wholeMs, snapshotMs] = [await median(() => whole.load(runId)), await median(() => loader.load(runId))];
    const { state, rows } = (await loader.load(runId)) ?? {};
    if (state?.position !== (await whole.load(runId))?.state.position) throw new Error('the two are not the same');
    const snapshot = await store.loadSnapshot(runId);
    return {
      iterations,
      events: state?.position ?? 0,
      journalBytes,
      snapshotBytes: snapshot?.bytes.length ?? 0,
      rowsAfter: rows ?? 0,
      wholeMs,
      snapshotMs,
      ...(await parts(store, loop, wholeMs)),
    };
  } finally {
    await store.close();
  }
}

/** Of the whole: decoding and folding on their own, and the rest, which is reading and waiting for it. */
async function parts(store: Store, { runId, workflow }: Loop, wholeMs: number) {
  const rows: Uint8Array[] = [];
  for (let from = 0; ; ) {
    const page = await store.loadJournal(runId, from, PAGE);
    for (const { position, events } of page) {
      rows.push(encodeEvents(events));
      from = position + events.length;
    }
    if (page.length < PAGE) break;
  }
  let events: RunEvent[] = [];
  const decodeMs = await median(async () => {
    events = rows.flatMap((bytes) => decodeEvents(bytes));
  });
  const [created, ...rest] = events;
  if (created?.type !== 'RunCreated') throw new Error('the journal does not begin with RunCreated');
  const foldMs = await median(async () => {
    const state = createRunState(created, workflow);
    for (const event of rest) evolve(state, event);
  });
  return { readMs: Math.max(0, wholeMs - decodeMs - foldMs), decodeMs, foldMs };
}

async function median(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return times.sort((left, right) => left - right)[ROUNDS >> 1] ?? 0;
}

/** As the runtime would have written it: a row holds a result and the next lease. */
function makeLoop(iterations: number): Loop {
  const body = [{ id: 'one', type: 'agent', dependencies: [], action: 'echo', parameters: text }] as const;
  const all = {
    id: 'all',
    type: 'loop',
    dependencies: [],
    while: 'true',
    maxIterations: iterations + 1,
    body,
  } as const;
  const definition: WorkflowDefinition = { name: 'Loop', steps: [all] };
  const workflow = compileWorkflow(definition, 1);
  const runId = createUlid(NOW, seededRandom(1));
  const params = { kind: 'inline', bytes: encodeValue({}) } as const;
  const start = { type: 'StartRun', runId, namespace: 'default', workflow, params, priority: 'normal' } as const;
  const { state, decision } = startRun(start, { now: NOW, values });
  const holder = new RunHolder(runId);
  holder.state = state;
  const batches: { journal: Batch['journal'][number][]; snapshots: Batch['snapshots'][number][] }[] = [];
  let events = [...decision.events];
  for (let number = 1; number <= iterations; number++) {
    const now = NOW + number * 3;
    const path = `all/${number}/one`;
    const lease = { type: 'AssignStep', path, ...agent, idempotent: true, timeoutMs: 0 } as const;
    events.push(...decide(state, lease, { now, values }).events);
    if (number % ROWS_PER_COMMIT === 1) batches.push({ journal: [], snapshots: [] });
    const batch = batches.at(-1);
    const snapshot = countRow(holder, state.position);
    batch?.journal.push({ runId, position: state.position - events.length, events });
    if (snapshot !== undefined) batch?.snapshots.push(snapshot);
    const result = { kind: 'completed', output } as const;
    const settle = { type: 'SettleAttempt', path, number: 1, instanceId: agent.instanceId, result } as const;
    events = [...decide(state, settle, { now, values }).events];
  }
  return { runId, workflow, batches };
}

/** Answers the bytes of the journal. */
async function write(file: string, { batches }: Loop): Promise<number> {
  const store = openSqliteStore({ file, clock: systemClock });
  const { epoch } = await store.open();
  const none = { runs: [], tasks: [], tasksDeleted: [], checkpoints: [], blobs: [], blobCopies: [], outputs: [] };
  for (const batch of batches)
    await store.commit({ epoch, ...batch, ...none, agentEvents: [], audit: [], schedules: [], agentLabels: [] });
  const { journalBytes } = store.stats();
  await store.close();
  return journalBytes;
}
