/** `concurrency` of a workflow that stands in itself, as a child run of its own or of another one in between. */
import { expect, test } from 'vitest';
import { TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { child, expectReplay, flow, step } from '../../unit/engine/flow.ts';

type Source = Readonly<Record<string, unknown>>;

/** `Self` works for a minute, then runs itself, `params.depth` times; directly or by way of `through`. */
async function register(mesh: TestMesh, more: Source = {}, through = 'Self'): Promise<void> {
  mesh
    .agent('worker', { slots: 10 })
    .setResponse('work', 1)
    .setDelay('work', '1m')
    .setResponse('tidy', 1)
    .setDelay('tidy', '1m');
  const inner = child('inner', through, {
    when: 'params.depth > 0',
    parameters: { depth: '${{ params.depth - 1 }}' },
  });
  await mesh.registerWorkflow(flow([step('work'), inner], { name: 'Self', concurrency: 1, ...more }));
  if (through === 'Self') return;
  const back = child('back', 'Self', { parameters: { depth: '${{ params.depth }}' } });
  await mesh.registerWorkflow(flow([back], { name: through, concurrency: 1 }));
}

/** Of every run of `workflow`, in the order of their starts: when it began and ended, in minutes since the first. */
function spans(mesh: TestMesh, workflow = 'Self'): readonly string[] {
  const runs = [...mesh.data.runs.values()].filter((row) => row.workflow === workflow);
  const first = Math.min(...runs.map(({ queuedAt }) => queuedAt));
  return runs
    .toSorted((a, b) => (a.runId < b.runId ? -1 : 1))
    .map(({ runId, parentRunId }) => {
      const at = (type: string): string => {
        const event = mesh.journal(runId).find((each) => each.type === type);
        return event === undefined ? '?' : String(Math.round((event.at - first) / 60_000));
      };
      return `${parentRunId === undefined ? 'run' : 'child'} ${at('RunStarted')}..${at('RunEnded')}`;
    });
}

async function startTwo(mesh: TestMesh, depth: number): Promise<readonly [TestRun, TestRun]> {
  const first = await mesh.startWorkflow('Self', { depth });
  await mesh.advance('10s');
  return [first, await mesh.startWorkflow('Self', { depth: 0 })];
}

test('a run that runs its own workflow lends its place: it does not wait for itself, and others wait for both', async () => {
  await using mesh = await TestMesh.start();
  await register(mesh);
  const [first, second] = await startTwo(mesh, 2);
  await mesh.advance('10m');
  expect((await first.result()).status).toBe('COMPLETED');
  expect((await second.result()).status).toBe('COMPLETED');
  expect(spans(mesh)).toEqual(['run 0..3', 'run 3..4', 'child 1..3', 'child 2..3']);
  await expectReplay(mesh, first);
  expect(mesh.data.tasks.size).toBe(0);
});

test('so does one that stands in itself by way of another workflow, which has a place of its own', async () => {
  await using mesh = await TestMesh.start();
  await register(mesh, {}, 'Between');
  const [first, second] = await startTwo(mesh, 2);
  await mesh.advance('10m');
  expect((await first.result()).status).toBe('COMPLETED');
  expect((await second.result()).status).toBe('COMPLETED');
  expect(spans(mesh)).toEqual(['run 0..3', 'run 3..4', 'child 1..3', 'child 2..3']);
  expect(spans(mesh, 'Between')).toEqual(['child 0..2', 'child 1..2']);
});

test.each(['before the child run', 'beside the child run', 'between two child runs'])(
  'a crash %s changes nothing of it',
  async (when) => {
    await using mesh = await TestMesh.start();
    await register(mesh);
    const [first, second] = await startTwo(mesh, 2);
    await mesh.advance({ 'before the child run': '30s', 'beside the child run': '70s' }[when] ?? '110s');
    await mesh.crash();
    await mesh.restart();
    await mesh.advance('10m');
    expect((await first.result()).status).toBe('COMPLETED');
    expect((await second.result()).status).toBe('COMPLETED');
    expect(spans(mesh).map((line) => line.split(' ')[0])).toEqual(['run', 'run', 'child', 'child']);
    const [outer, after, , innermost] = [...mesh.data.runs.keys()].sort();
    const endOf = (runId = ''): number => mesh.journal(runId).find(({ type }) => type === 'RunEnded')?.at ?? 0;
    const startOf = (runId = ''): number => mesh.journal(runId).find(({ type }) => type === 'RunStarted')?.at ?? 0;
    expect(startOf(after)).toBeGreaterThanOrEqual(endOf(outer));
    expect(startOf(innermost)).toBeLessThan(endOf(outer));
  },
);

test.each(['reject', 'cancelOldest'])(
  'overflow %s does not turn against the run that lends its place',
  async (overflow) => {
    await using mesh = await TestMesh.start();
    await register(mesh, { concurrency: { limit: 1, overflow } });
    const run = await mesh.startWorkflow('Self', { depth: 2 });
    await mesh.advance('10m');
    expect((await run.result()).status).toBe('COMPLETED');
    expect(spans(mesh)).toEqual(['run 0..3', 'child 1..3', 'child 2..3']);
  },
);

test('a cancel ends the run that lent its place and the one in it, and the next begins after both', async () => {
  await using mesh = await TestMesh.start();
  await register(mesh, { finally: [step('tidy')] });
  const [first, second] = await startTwo(mesh, 1);
  await mesh.advance('70s');
  await first.cancel();
  await mesh.advance('5s');
  await mesh.restart();
  await mesh.advance('10m');
  expect((await first.result()).status).toBe('CANCELLED');
  expect((await second.result()).status).toBe('COMPLETED');
  const ends = [...mesh.data.runs.values()]
    .filter(({ status }) => status === 'CANCELLED')
    .map(({ endedAt }) => endedAt ?? 0);
  const started = mesh.journal(second.id).find(({ type }) => type === 'RunStarted')?.at ?? 0;
  expect(started).toBeGreaterThanOrEqual(Math.max(...ends));
});
