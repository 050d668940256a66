/** The store fails: nothing is answered that is not durable, nothing is lost, and everything goes on by itself. */
import { expect, test } from 'vitest';
import { StoreError } from '../../../src/control-plane/store/port.ts';
import { type StoreFaults, TestMesh } from '../../../src/testing/index.ts';
import { expectReplay, flow, parallel, step, stepThrough } from '../../unit/engine/flow.ts';

type Fault = 'BUSY' | 'FULL' | 'UNCLEAR, not landed' | 'UNCLEAR, landed';
const FAULTS: readonly Fault[] = ['BUSY', 'FULL', 'UNCLEAR, not landed', 'UNCLEAR, landed'];

/** Fails the commits whose number, from 0, `isBad`. */
function failing(fault: Fault, isBad: (number: number) => boolean): StoreFaults & { commits: number } {
  const faults = {
    commits: Number.NEGATIVE_INFINITY,
    beforeCommit() {
      const number = faults.commits++;
      if (!isBad(number) || fault === 'UNCLEAR, landed') return;
      if (fault === 'BUSY' || fault === 'FULL') throw new StoreError(fault, `the store is ${fault}`);
      throw new Error('the connection to the disk broke');
    },
    afterCommit() {
      if (isBad(faults.commits - 1) && fault === 'UNCLEAR, landed') throw new Error('no word of the disk');
    },
  };
  return faults;
}

const workflow = flow(
  [
    step('a'),
    parallel('p', [step('b'), step('c', { retry: { tries: 3, backoff: '1s', jitter: false } })]),
    step('d', { parameters: { p: '${{ steps.p.output }}' } }),
  ],
  { output: '${{ steps.p.output }}', timeout: '1h' },
);

const CASES = FAULTS.flatMap((fault) => Array.from({ length: 9 }, (_, at) => ({ fault, at })));

test.each(CASES)('$fault at commit $at loses and repeats nothing', async ({ fault, at }) => {
  const faults = failing(fault, (number) => number === at);
  await using mesh = await TestMesh.start({ faults });
  const worker = mesh.agent('worker');
  for (const id of ['a', 'b', 'c', 'd']) worker.setResponse(id, id).setDelay(id, '2s');
  worker.failWith('c', 'NO', { times: 1 });
  await mesh.registerWorkflow(workflow);
  faults.commits = 0;
  const start = () => mesh.startWorkflow('Flow', {}, { requestId: 'once' });
  // Only the client's own start may be refused, and then it is told so.
  const run = await start().catch(async (error: { meta: { status: string } }) => {
    expect(error.meta.status).toBe('UNAVAILABLE');
    await mesh.advance('2s');
    return start();
  });
  await stepThrough(mesh, run, 120_000);
  expect((await run.result()).output).toEqual({ b: 'b', c: 'c' });
  const attempts = run.history().map(({ path, outcome }) => `${path} ${outcome}`);
  expect(attempts.sort()).toEqual(['a COMPLETED', 'b COMPLETED', 'c COMPLETED', 'c FAILED', 'd COMPLETED']);
  expect(worker.calls).toHaveLength(5);
  expect(await mesh.orchestrator.listRuns()).toHaveLength(1);
  expect(mesh.data.tasks.size).toBe(0);
  expect(mesh.controlPlane.listAgents('default')[0]?.instances[0]?.slotsUsed).toBe(0);
});

test.each(FAULTS)(
  '%s for a minute: health says so, starts are refused, agents stay, and all goes on after it',
  async (fault) => {
    let isBad = false;
    const faults = failing(fault, () => isBad);
    await using mesh = await TestMesh.start({ faults });
    const [first, second] = mesh.agents('worker', 2);
    for (const worker of [first, second]) worker.setResponse('a', 'a').setDelay('a', '5s').setResponse('b', 'b');
    const workflow = flow([step('a'), step('b')], { output: '${{ steps.b.output }}' });
    const run = await mesh.startWorkflow(workflow);
    isBad = true;
    await mesh.advance('10s');
    if (fault !== 'UNCLEAR, landed') {
      expect(run).toHaveHistory(['a#1 OPEN']);
      expect(mesh.controlPlane.health('')).toBe(false);
      await expect(mesh.startWorkflow(workflow)).rejects.toMatchObject({ meta: { status: 'UNAVAILABLE' } });
    }
    await mesh.advance('50s');
    expect(mesh.controlPlane.listAgents('default')[0]?.instances.map(({ status }) => status)).toEqual([
      'READY',
      'READY',
    ]);
    isBad = false;
    await mesh.advance('10s');
    expect(mesh.controlPlane.health('')).toBe(true);
    expect(run).toHaveHistory(['a#1 COMPLETED', 'b#1 COMPLETED']);
    expect((await run.result()).output).toBe('b');
    expect(await (await mesh.startWorkflow(workflow, {})).handle.status()).toBe('RUNNING');
  },
);

test.each(FAULTS)('%s while an agent dies: its steps still move', async (fault) => {
  let isBad = false;
  const faults = failing(fault, () => isBad);
  await using mesh = await TestMesh.start({ faults });
  const [first, second] = mesh.agents('worker', 2);
  first.setResponse('a', 1).setDelay('a', '1h');
  const run = await mesh.startWorkflow(
    flow([parallel('p', [step('a'), step('b', { action: 'a', idempotent: true })])]),
  );
  second.setResponse('a', 'second');
  await mesh.settle();
  isBad = true;
  first.crash();
  await mesh.advance('45s');
  isBad = false;
  await mesh.advance('10s');
  expect((await run.result()).status).toBe('COMPLETED');
  expect(
    run
      .history()
      .map(({ path, outcome }) => `${path} ${outcome}`)
      .sort(),
  ).toEqual(['a COMPLETED', 'a LOST', 'b COMPLETED', 'b LOST']);
});

test.each(FAULTS)('%s while timers come due: they fire after it', async (fault) => {
  let isBad = false;
  const faults = failing(fault, () => isBad);
  await using mesh = await TestMesh.start({ faults });
  mesh.agent('worker').setResponse('slow', 1).setDelay('slow', '1h').failWith('again', 'NO', { times: 1 });
  const run = await mesh.startWorkflow(
    flow(
      [
        parallel('p', [
          step('slow', { timeout: '10s', onFailure: 'continue' }),
          step('nobody', { queueTimeout: '10s', onFailure: 'continue' }),
          step('again', { retry: { tries: 2, backoff: '10s', jitter: false } }),
        ]),
      ],
      { timeout: '10m' },
    ),
  );
  await mesh.advance('5s');
  isBad = true;
  await mesh.advance('30s');
  isBad = false;
  await mesh.advance('10s');
  const result = await run.result();
  expect(result.status).toBe('COMPLETED');
  expect(Object.fromEntries(result.steps.map(({ path, status }) => [path, status]))).toEqual({
    p: 'COMPLETED',
    slow: 'TIMED_OUT',
    nobody: 'FAILED',
    again: 'COMPLETED',
  });
});

test('what a watcher sees is durable, gap-free and told once, whatever the store does', async () => {
  for (const fault of FAULTS) {
    const faults = failing(fault, (number) => number % 3 === 1);
    await using mesh = await TestMesh.start({ faults });
    const worker = mesh.agent('worker');
    for (const id of ['a', 'b', 'c', 'd']) worker.setResponse(id, id).setDelay(id, '2s');
    worker.failWith('c', 'NO', { times: 1 });
    await mesh.registerWorkflow(workflow);
    const run = await mesh.startWorkflow('Flow', {}, { requestId: 'once' });
    const seen: number[] = [];
    const watching = (async () => {
      for await (const event of run.handle.events()) seen.push(event.position);
    })();
    faults.commits = 0;
    await mesh.advance('3m');
    await watching;
    const told: number[] = [];
    for await (const event of run.handle.events()) told.push(event.position);
    expect(seen).toEqual(told);
    expect(new Set(seen).size).toBe(seen.length);
    expect((await run.result()).status).toBe('COMPLETED');
  }
});

test.each(FAULTS)('%s at a cancel that is refused leaves every timer of the run armed', async (fault) => {
  let isBad = false;
  const faults = failing(fault, () => isBad);
  await using mesh = await TestMesh.start({ faults });
  const worker = mesh.agent('worker').failWith('again', 'NO', { times: 1 });
  worker.setResponse('silent', 1).setDelay('silent', '1h');
  const retry = { tries: 2, backoff: '1m', jitter: false };
  const run = await mesh.startWorkflow(
    flow(
      [
        parallel(
          'p',
          [
            step('again', { retry }),
            step('nobody', { queueTimeout: '1m', onFailure: 'continue' }),
            step('silent', { timeout: '1m', onFailure: 'continue' }),
          ],
          { totalTimeout: '1h' },
        ),
      ],
      { timeout: '2h' },
    ),
  );
  await mesh.advance('10s');
  isBad = true;
  const answer = run.handle.cancel().then(
    () => 'taken',
    () => 'refused',
  );
  await mesh.advance('3s');
  isBad = false;
  await mesh.advance('5m');
  const isTaken = (await answer) === 'taken';
  expect((await run.result()).status).toBe(isTaken ? 'CANCELLED' : 'COMPLETED');
  if (fault === 'BUSY' || fault === 'FULL') expect(isTaken).toBe(false);
});

test.each([1, 2, 3, 4, 5])('%i failures at the end of a try lose nothing of the next one', async (failures) => {
  const faults = failing('BUSY', (number) => number >= 0 && number < failures);
  await using mesh = await TestMesh.start({ faults });
  const worker = mesh.agent('worker').setDelay('a', '5s').failWith('a', 'NO', { times: 1 }).setResponse('a', 'a');
  const run = await mesh.startWorkflow(
    flow([step('a', { onFailure: 'fail' }), step('b', { dependencies: [] })], { retries: 1 }),
  );
  worker.setResponse('b', 'b').setDelay('b', '6s');
  await mesh.advance('4s');
  faults.commits = 0;
  await stepThrough(mesh, run, 120_000);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(mesh.data.tasks.size).toBe(0);
  await expectReplay(mesh, run);
});

test('a value that cannot be read now is waited for, and no run ends for it', async () => {
  let isBad = false;
  const beforeRead = (): void => {
    if (isBad) throw new Error('EIO');
  };
  await using mesh = await TestMesh.start({ faults: { beforeRead } });
  const text = 'x'.repeat(20_000);
  const worker = mesh.agent('worker').setResponse('a', { text }).setResponse('b', 'b').setDelay('b', '10s');
  worker.setResponse('c', (input) => input);
  const c = step('c', { parameters: { size: '${{ size(steps.a.output.text) }}' }, timeout: '5s' });
  const run = await mesh.startWorkflow(flow([step('a'), step('b'), c], { output: '${{ steps.c.output }}' }));
  await mesh.advance('5s');
  // Nothing of it is at hand after that.
  await mesh.restart();
  isBad = true;
  await mesh.advance('1m');
  expect([...mesh.data.runs.values()].map(({ status }) => status)).toEqual(['RUNNING']);
  isBad = false;
  await mesh.advance('5s');
  expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: { size: 20_000 } });
  expect(run).toHaveHistory(['a#1 COMPLETED', 'b#1 COMPLETED', 'c#1 COMPLETED']);
});

test('a run that cannot be read now loses no result; a client is told so at once', async () => {
  let isBad = false;
  let refuseOnce = false;
  await using mesh = await TestMesh.start({
    faults: {
      beforeCommit() {
        if (!refuseOnce) return;
        refuseOnce = false;
        isBad = true;
        throw new Error('EIO');
      },
      beforeRead() {
        if (isBad) throw new Error('EIO');
      },
    },
  });
  const worker = mesh.agent('worker').setResponse('a', 'a').setDelay('a', '5s').setResponse('b', 'b');
  const run = await mesh.startWorkflow(flow([step('a'), step('b')]));
  await mesh.advance('1s');
  refuseOnce = true;
  await mesh.advance('10s');
  const cancel = run.handle.cancel().catch((error: unknown) => error);
  await mesh.advance('2s');
  expect(await cancel).toMatchObject({ code: 'STORE_UNAVAILABLE' });
  isBad = false;
  await mesh.advance('10s');
  expect((await run.result()).status).toBe('COMPLETED');
  expect(run).toHaveHistory(['a#1 COMPLETED', 'b#1 COMPLETED']);
  expect(worker.calls).toHaveLength(2);
});

test('a run in memory is told while nothing can be read, without the calls of its handlers', async () => {
  let isUnreadable = false;
  const beforeRead = () => {
    if (isUnreadable) throw new StoreError('BUSY', 'the disk is busy');
  };
  await using mesh = await TestMesh.start({ faults: { beforeRead } });
  const run = await mesh.startWorkflow(flow([step('a')]));
  await mesh.settle();
  isUnreadable = true;
  const { runs } = mesh.orchestrator.api;
  const { run: seen } = await runs.getRun({ runId: run.id });
  expect(seen).toMatchObject({ runId: run.id, calls: [], hasOlderCalls: true });
});
