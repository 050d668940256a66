/** Long runs are loaded from a snapshot and the rows after it; whatever is wrong with it, from the whole journal, and nobody sees a difference. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type LoadedRun, RunLoader } from '../../../src/control-plane/runtime/run-loader.ts';
import { type SnapshotRow, StoreError } from '../../../src/control-plane/store/index.ts';
import { limits } from '../../../src/core/limits.ts';
import { type LogFields, silentLogger } from '../../../src/core/logger.ts';
import { TestMesh, type TestMeshOptions, type TestRun } from '../../../src/testing/index.ts';
import { expectReplay, flow, loop, step } from '../../unit/engine/flow.ts';

const ROWS = 7;
const ITERATIONS = 40;
const { snapshotRows } = limits;

beforeEach(() => {
  Object.assign(limits, { snapshotRows: ROWS });
});
afterEach(() => {
  Object.assign(limits, { snapshotRows });
  vi.restoreAllMocks();
});

const polls = flow([
  loop('poll', [step('look', { parameters: { at: '${{ iteration }}' } })], { while: `iteration <= ${ITERATIONS}` }),
]);
const everyLook = Array.from({ length: ITERATIONS }, (_, i) => `poll/${i + 1}/look#1 COMPLETED`);

/** A mesh with a run that has some 20 iterations behind it, of a second each. */
async function halfWay(options: TestMeshOptions = {}): Promise<{ mesh: TestMesh; run: TestRun }> {
  const mesh = await TestMesh.start(options);
  mesh
    .agent('worker')
    .setResponse('look', (input) => input)
    .setDelay('look', '1s');
  const run = await mesh.startWorkflow(polls);
  await mesh.advance('20500ms');
  return { mesh, run };
}

/** What the loads of runs from here on came to. */
function watchLoads(): readonly LoadedRun[] {
  const loads: LoadedRun[] = [];
  const load = RunLoader.prototype.load;
  vi.spyOn(RunLoader.prototype, 'load').mockImplementation(async function (this: RunLoader, runId) {
    const loaded = await load.call(this, runId);
    if (loaded !== undefined) loads.push(loaded);
    return loaded;
  });
  return loads;
}

async function expectEnd(mesh: TestMesh, run: TestRun): Promise<void> {
  await expectReplay(mesh, run);
  await mesh.advance('1m');
  await expectReplay(mesh, run);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(run).toHaveHistory(everyLook);
}

/** Events of the run's journal by the position of the row that they begin. */
function rowEnds(mesh: TestMesh, run: TestRun): readonly number[] {
  const starts = [...(mesh.data.journals.get(run.id)?.keys() ?? [])].sort((a, b) => a - b);
  return [...starts.slice(1), run.journal().length];
}

test('a long run is loaded from its newest snapshot and the rows after it, and goes on as if it had been read from the beginning', async () => {
  const { mesh, run } = await halfWay();
  await using _ = mesh;
  const snapshot = mesh.data.snapshots.get(run.id);
  expect(rowEnds(mesh, run)).toContain(snapshot?.position);
  expect(rowEnds(mesh, run).filter((end) => end > (snapshot?.position ?? 0)).length).toBeLessThan(ROWS);
  const loads = watchLoads();
  await mesh.restart();
  await mesh.controlPlane.getRun('default', run.id);
  expect(loads.map(({ rows }) => rows < ROWS)).toEqual([true]);
  await expectEnd(mesh, run);
});

test('snapshots are written every so many rows, whether a run was loaded from one or not', async () => {
  const { mesh, run } = await halfWay();
  await using _ = mesh;
  const positions = new Set([mesh.data.snapshots.get(run.id)?.position]);
  for (let i = 0; i < 18; i++) {
    if (i === 9) await mesh.restart();
    await mesh.advance('1s');
    positions.add(mesh.data.snapshots.get(run.id)?.position);
  }
  const ends = rowEnds(mesh, run);
  const rows = [...positions].map((position) => ends.indexOf(position ?? 0));
  expect(rows.length).toBeGreaterThan(2);
  expect(rows.slice(1).map((row, i) => row - (rows[i] ?? 0))).toEqual(rows.slice(1).map(() => ROWS));
});

interface Damage {
  readonly what: string;
  readonly says: string;
  damage(row: SnapshotRow): SnapshotRow;
}

function withByte({ bytes, ...row }: SnapshotRow, at: number, change: (byte: number) => number): SnapshotRow {
  const changed = Uint8Array.from(bytes);
  const place = at < 0 ? bytes.length + at : at;
  changed[place] = change(changed[place] ?? 0);
  return { ...row, bytes: changed };
}

test.each<Damage>([
  { what: 'with a flipped bit', says: 'checksum', damage: (row) => withByte(row, -5, (byte) => byte ^ 4) },
  { what: 'that is cut short', says: '', damage: (row) => ({ ...row, bytes: row.bytes.subarray(0, 200) }) },
  { what: 'of nothing', says: '', damage: (row) => ({ ...row, bytes: new Uint8Array() }) },
  { what: 'of another format', says: 'this program writes', damage: (row) => withByte(row, 1, (byte) => byte + 1) },
  {
    what: 'of another version of the program',
    says: 'this program writes',
    damage: (row) => withByte(row, 3, () => 57),
  },
  { what: 'of another place', says: 'another run or place', damage: (row) => ({ ...row, position: row.position - 1 }) },
])('a snapshot $what is not used: the whole journal is read, with a line in the log', async ({ says, damage }) => {
  const lines: { message: string; fields: LogFields | undefined }[] = [];
  const logger = { ...silentLogger, warn: (message: string, fields?: LogFields) => lines.push({ message, fields }) };
  const { mesh, run } = await halfWay({ logger });
  await using _ = mesh;
  const snapshot = mesh.data.snapshots.get(run.id);
  if (snapshot === undefined) throw new Error('there is no snapshot');
  const loads = watchLoads();
  mesh.crash();
  mesh.data.snapshots.set(run.id, damage(snapshot));
  await mesh.restart();
  await mesh.controlPlane.getRun('default', run.id);
  expect(loads.map(({ rows }) => rows)).toEqual([rowEnds(mesh, run).length]);
  const [line] = lines.filter(({ message }) => message.includes('snapshot'));
  expect(line?.fields).toMatchObject({ run: run.id, error: { message: expect.stringContaining(says) } });
  await expectEnd(mesh, run);
  // The next row has one again.
  expect(mesh.data.snapshots.get(run.id)?.position).toBeGreaterThan(snapshot.position);
});

test('a snapshot that is missing, or beyond the end of the journal, is not used', async () => {
  const { mesh, run } = await halfWay();
  await using _ = mesh;
  const loads = watchLoads();
  mesh.crash();
  const snapshot = mesh.data.snapshots.get(run.id);
  mesh.data.snapshots.delete(run.id);
  await mesh.restart();
  await mesh.controlPlane.getRun('default', run.id);
  mesh.crash();
  const rows = mesh.data.journals.get(run.id) ?? new Map<number, Uint8Array>();
  const starts = [...rows.keys()].sort((a, b) => a - b);
  // The row that the snapshot is of, and all that follow it.
  const cut = starts.slice(starts.findLastIndex((start) => start < (snapshot?.position ?? 0)));
  for (const start of cut) rows.delete(start);
  if (snapshot !== undefined) mesh.data.snapshots.set(run.id, snapshot);
  const left = rows.size;
  await mesh.restart();
  await mesh.controlPlane.getRun('default', run.id);
  expect(loads.map(({ rows: read }) => read)).toEqual([left + cut.length, left]);
});

test('a snapshot is there with its row or not at all, whatever becomes of the commit', async () => {
  let commits = 0;
  const withSnapshot: string[] = [];
  const faults: NonNullable<TestMeshOptions['faults']> = {
    beforeCommit: ({ snapshots }) => {
      commits += 1;
      if (snapshots.length === 0) return;
      withSnapshot.push('written');
      if (withSnapshot.length % 3 === 1) throw new StoreError('FULL', 'disk full');
    },
    afterCommit: ({ snapshots }) => {
      if (snapshots.length > 0 && withSnapshot.length % 3 === 2) throw new Error('EIO');
    },
  };
  const { mesh, run } = await halfWay({ faults });
  await using _ = mesh;
  for (let i = 0; i < 40; i++) {
    await mesh.advance('1s');
    const position = mesh.data.snapshots.get(run.id)?.position;
    if (position !== undefined) expect(rowEnds(mesh, run)).toContain(position);
  }
  expect(withSnapshot.length).toBeGreaterThan(3);
  expect(commits).toBeGreaterThan(withSnapshot.length);
  await expectEnd(mesh, run);
});
