/** Child runs over crashes: one begins once and its end is told once, whatever is lost in between. */
import { describe, expect, test } from 'vitest';
import type { RunEvent } from '../../../src/control-plane/engine/events.ts';
import { encodeValue } from '../../../src/core/value.ts';
import { TestMesh } from '../../../src/testing/index.ts';
import { child, expectReplay, flow, parallel, step, stepThrough } from '../../unit/engine/flow.ts';
import { Disk, Machine } from './sqlite-machine.ts';

const SUB = flow([step('work', { parameters: '${{ params }}' })], { name: 'Sub', output: '${{ steps.work.output }}' });
const PARENT = flow([child('call', 'Sub', { parameters: { n: 1 } }), step('after')], {
  output: '${{ steps.call.output }}',
});

const childRows = (mesh: TestMesh) =>
  [...mesh.data.runs.values()].filter(({ parentRunId }) => parentRunId !== undefined);
const eventsOf = <Type extends RunEvent['type']>(events: readonly RunEvent[], type: Type) =>
  events.filter((event): event is Extract<RunEvent, { type: Type }> => event.type === type);

const CRASHES = ['before', 'after'].flatMap((when) => Array.from({ length: 5 }, (_, at) => ({ when, at })));

test.each(CRASHES)('a crash $when commit $at starts no second child run and loses none', async ({ when, at }) => {
  let commits = Number.NEGATIVE_INFINITY;
  let isCrashed = false;
  const crash = (): void => {
    if (commits++ !== at) return;
    isCrashed = true;
    mesh.crash();
  };
  const mesh = await TestMesh.start({ faults: when === 'before' ? { beforeCommit: crash } : { afterCommit: crash } });
  await using _ = mesh;
  const worker = mesh
    .agent('worker')
    .setResponse('work', (input) => input)
    .setDelay('work', '2s');
  worker.setResponse('after', 1).setDelay('after', '2s');
  await mesh.registerWorkflow(SUB);
  await mesh.registerWorkflow(PARENT);
  commits = 0;
  mesh.startWorkflow('Flow', {}, { requestId: 'once' }).catch(() => {});
  for (let i = 0; i < 60 && !isCrashed; i++) await mesh.advance('500ms');
  expect(isCrashed).toBe(true);
  await mesh.restart();
  const run = await mesh.startWorkflow('Flow', {}, { requestId: 'once' });
  await stepThrough(mesh, run, 120_000);
  expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: { n: 1 } });
  expect(childRows(mesh).map(({ status, parentRunId }) => [status, parentRunId])).toEqual([['COMPLETED', run.id]]);
  expect(worker.calls.map(({ action }) => action)).toEqual(['work', 'after']);
  const journal = mesh.journal(run.id);
  expect(eventsOf(journal, 'ChildStarted').map(({ runId }) => runId)).toEqual(
    childRows(mesh).map(({ runId }) => runId),
  );
  expect(eventsOf(journal, 'StepCompleted').map(({ path }) => path)).toEqual(['call', 'after']);
  expect(mesh.data.tasks.size).toBe(0);
});

describe.each(['lands without a word', 'does not land'])('a batch that %s', (fate) => {
  test.each([
    ['begins the child run', (types: readonly string[]) => types.includes('ChildStarted')],
    ['asks for it', (types: readonly string[]) => types.includes('StepWaiting')],
    ['ends it', (types: readonly string[]) => types.includes('RunEnded') && !types.includes('BlockStarted')],
  ])('and %s is made up for', async (_, isMeant) => {
    let failures = 0;
    const fail = ({ journal }: { readonly journal: readonly { readonly events: readonly RunEvent[] }[] }): void => {
      const types = journal.flatMap(({ events }) => events.map(({ type }) => type));
      if (failures > 0 || !isMeant(types)) return;
      failures += 1;
      throw new Error('EIO');
    };
    await using mesh = await TestMesh.start({
      faults: fate === 'does not land' ? { beforeCommit: fail } : { afterCommit: fail },
    });
    const worker = mesh
      .agent('worker')
      .setResponse('work', (input) => input)
      .setResponse('after', 1);
    await mesh.registerWorkflow(SUB);
    const run = await mesh.startWorkflow(PARENT);
    await mesh.advance('1m');
    expect(failures).toBe(1);
    expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: { n: 1 } });
    expect(childRows(mesh)).toHaveLength(1);
    expect(worker.calls.map(({ action }) => action)).toEqual(['work', 'after']);
    await expectReplay(mesh, run);
  });
});

test('a parent with other work in it finds its child run after a restart, which ended meanwhile', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('work', 1).setDelay('work', '10s');
  worker.setResponse('long', 1).setDelay('long', '1h');
  await mesh.registerWorkflow(SUB);
  const run = await mesh.startWorkflow(flow([parallel('p', [step('long'), child('call', 'Sub')])]));
  await mesh.advance('5s');
  mesh.crash();
  await mesh.advance('10s');
  await mesh.restart();
  await mesh.advance('20s');
  const { steps } = await mesh.orchestrator.getRun(run.id);
  expect(steps.map(({ path, status }) => `${path} ${status}`)).toEqual(['p RUNNING', 'long RUNNING', 'call COMPLETED']);
  expect(worker.calls).toHaveLength(2);
});

test('a cancel that a crash kept from the child run comes to it after the restart', async () => {
  let isArmed = false;
  await using mesh = await TestMesh.start({
    faults: {
      afterCommit({ journal }) {
        if (isArmed && journal.some(({ events }) => events.some(({ type }) => type === 'CancelRequested'))) {
          isArmed = false;
          mesh.crash();
        }
      },
    },
  });
  mesh.agent('worker').setResponse('work', 1).setDelay('work', '1h');
  await mesh.registerWorkflow(SUB);
  const run = await mesh.startWorkflow(PARENT);
  await mesh.advance('5s');
  isArmed = true;
  mesh.orchestrator.cancelRun(run.id).catch(() => {});
  await mesh.settle();
  expect(isArmed).toBe(false);
  const [row] = childRows(mesh);
  expect(eventsOf(mesh.journal(row?.runId ?? ''), 'CancelRequested')).toEqual([]);
  await mesh.restart();
  await mesh.advance('30s');
  expect((await run.result()).status).toBe('CANCELLED');
  expect(childRows(mesh).map(({ status }) => status)).toEqual(['CANCELLED']);
});

test('a child run whose parent was killed beside it is cancelled after a restart', async () => {
  let isArmed = false;
  await using mesh = await TestMesh.start({
    faults: {
      afterCommit({ journal }) {
        if (isArmed && journal.some(({ events }) => events.some(({ type }) => type === 'RunEnded'))) {
          isArmed = false;
          mesh.crash();
        }
      },
    },
  });
  mesh.agent('worker').setResponse('work', 1).setDelay('work', '1h');
  await mesh.registerWorkflow(SUB);
  // What runs always is not stopped by the first cancel.
  const run = await mesh.startWorkflow(flow([child('call', 'Sub', { runOn: 'always' })]));
  await mesh.advance('5s');
  await run.cancel();
  expect(childRows(mesh).map(({ status }) => status)).toEqual(['RUNNING']);
  isArmed = true;
  mesh.orchestrator.cancelRun(run.id).catch(() => {});
  await mesh.settle();
  expect(isArmed).toBe(false);
  expect(childRows(mesh).map(({ status }) => status)).toEqual(['RUNNING']);
  await mesh.restart();
  await mesh.advance('30s');
  expect(childRows(mesh).map(({ status }) => status)).toEqual(['CANCELLED']);
  expect((await run.result()).status).toBe('CANCELLED');
});

test('a reference to a secret counts in the child run, where its schema says so', async () => {
  await using mesh = await TestMesh.start({ secrets: { KEY: 'k-2f9a81c4' } });
  const worker = mesh.agent('worker').setResponse('work', ({ key }: { key: string }) => `used ${key}`);
  const properties = { key: { type: 'string', secret: true }, text: { type: 'string' } };
  await mesh.registerWorkflow(
    flow([step('work', { parameters: '${{ params }}' })], {
      name: 'Sub',
      secrets: ['KEY'],
      parameters: { type: 'object', properties },
      output: '${{ steps.work.output }}',
    }),
  );
  const parameters = { key: 'secret:KEY', text: 'secret:KEY' };
  const run = await mesh.startWorkflow(flow([child('call', 'Sub', { parameters })], { output: 'steps.call.output' }));
  expect((await run.result()).output).toBe('used [secret KEY]');
  expect(worker.calls.map(({ input }) => input)).toEqual([{ key: 'k-2f9a81c4', text: 'secret:KEY' }]);
  const refused = await mesh.startWorkflow(
    flow([child('call', 'Sub', { parameters: { key: 'k-2f9a81c4' } })], { name: 'Plain' }),
  );
  const { error } = await refused.result();
  expect(error).toMatchObject({ code: 'PARAMETERS_INVALID', step: 'call' });
  expect(error?.message).not.toContain('k-2f9a81c4');
});

test('on a file: a kill while the child run waits, and a stop, lose and repeat nothing', async () => {
  using disk = new Disk();
  const machine = new Machine(disk);
  const first = await machine.start();
  const sub = flow(
    [
      { id: 'pause', type: 'wait', for: '1m' },
      { id: 'value', type: 'set', set: '${{ params }}' },
    ],
    { name: 'Sub', output: '${{ steps.value.output }}' },
  );
  const parent = flow([child('one', 'Sub', { parameters: { n: 1 } }), child('two', 'Sub', { parameters: { n: 2 } })], {
    output: { one: '${{ steps.one.output }}', two: '${{ steps.two.output }}' },
  });
  for (const { definition } of [sub, parent])
    await first.registerWorkflow({ namespace: 'default', definition, validateOnly: false });
  const { runId } = await first.startRun({
    namespace: 'default',
    workflow: 'Flow',
    version: 0,
    parameters: encodeValue({}),
    requestId: '',
    priority: undefined,
    labels: {},
  });
  await machine.clock.advance('20s');
  await machine.crash();
  await machine.clock.advance('60s');
  const second = await machine.start();
  await machine.clock.advance('20s');
  await machine.stop();
  await machine.clock.advance('5s');
  const third = await machine.start();
  const query = { namespace: 'default', before: '', limit: 10 };
  const before = await third.listRuns({ ...query, parentRunId: runId });
  expect(before.runs.map(({ parentStep, status }) => [parentStep, status])).toEqual([
    ['two', 'RUNNING'],
    ['one', 'COMPLETED'],
  ]);
  await machine.clock.advance('1m');
  const { state } = await third.getRun('default', runId);
  expect(state.status).toBe('COMPLETED');
  expect(state.output).toEqual({ kind: 'inline', bytes: encodeValue({ one: { n: 1 }, two: { n: 2 } }) });
  const after = await third.listRuns({ ...query, parentRunId: runId });
  expect(after.runs.map(({ runId: id, status }) => [id, status])).toEqual(
    before.runs.map(({ runId: id }) => [id, 'COMPLETED']),
  );
  expect((await third.listRuns(query)).runs).toHaveLength(3);
  await machine.stop();
  expect(second).not.toBe(third);
});
