/** The promises of `yardmaster/testing` itself. */
import { expect, test } from 'vitest';
import { Agent } from '../../../src/agent-sdk/index.ts';
import { sleep } from '../../../src/core/clock.ts';
import { MockAgent, TestMesh, VirtualClock } from '../../../src/testing/index.ts';
import { flow, step } from '../engine/flow.ts';

test('timers fire in the order in which they are due, each at its time, equal ones as they were set', async () => {
  const clock = new VirtualClock();
  const start = clock.now();
  const fired: string[] = [];
  const note = (name: string) => (): void => void fired.push(`${name} ${clock.now() - start}`);
  clock.timer(20, note('b'));
  clock.timer(10, note('a'));
  clock.timer(20, note('c'));
  clock.timer(15, note('never'))();
  clock.timer(10, () => clock.timer(5, note('within')));
  clock.timer(40, note('later'));
  await clock.advance('30ms');
  expect(fired).toEqual(['a 10', 'within 15', 'b 20', 'c 20']);
  expect(clock.now() - start).toBe(30);
});

test('promises that follow from a timer are done before the next timer fires', async () => {
  const clock = new VirtualClock();
  const seen: string[] = [];
  const chain = async (name: string, ms: number): Promise<void> => {
    await sleep(clock, ms);
    for (let i = 0; i < 50; i++) await Promise.resolve();
    await new Promise<void>((resolve) => clock.turn(resolve));
    seen.push(name);
  };
  void chain('first', 10);
  clock.timer(11, () => seen.push('timer'));
  await clock.advance(20);
  expect(seen).toEqual(['first', 'timer']);
});

test('throws STILL_BUSY for what does not end in real time', async () => {
  const clock = new VirtualClock({ busyMsMax: 30 });
  clock.watch(() => 'a handler');
  await expect(clock.settle()).rejects.toMatchObject({
    code: 'STILL_BUSY',
    message: expect.stringMatching(/a handler/),
  });
});

test('a forked clock stops with its process', async () => {
  const clock = new VirtualClock();
  const fork = clock.fork();
  let count = 0;
  fork.timer(10, () => count++);
  fork.turn(() => count++);
  fork.stop();
  await clock.advance(100);
  expect(count).toBe(0);
});

test('`result` does not move time: it rejects and names the next timer', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('a', 'NO', { times: 1 });
  const run = await mesh.startWorkflow(
    flow([step('a', { retry: { tries: 2, backoff: '90s', maxBackoff: '2m', jitter: false } })]),
  );
  await expect(run.result()).rejects.toMatchObject({
    code: 'NOTHING_RUNNABLE',
    message: expect.stringMatching(/"a#2" \(delayed\) in 1m 30s/),
    next: 'await mesh.advance(90000)',
  });
  await mesh.advance('90s');
  expect((await run.result()).status).toBe('COMPLETED');
});

test('time in which nothing can happen costs next to nothing, and timers far away still fire on time', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('a', 1).setDelay('a', '5d').failWith('b', 'NO', { times: 1 });
  const run = await mesh.startWorkflow(
    flow([
      step('a', { timeout: 0 }),
      step('b', { retry: { tries: 2, backoff: '2d', maxBackoff: '2d', jitter: false } }),
    ]),
  );
  const startedAt = performance.now();
  await mesh.advance('30d');
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  const day = 86_400_000;
  expect(run.history().map((entry) => (entry.startedAt - (run.history()[0]?.startedAt ?? 0)) / day)).toEqual([0, 5, 7]);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(worker.calls).toHaveLength(3);
});

test('a handler that polls without a word is not left out', async () => {
  await using mesh = await TestMesh.start();
  let polls = 0;
  mesh.agent('worker').setResponse('a', async (_, ctx) => {
    for (; polls < 100; polls++) await mesh.sleep('10s', ctx.signal);
    return polls;
  });
  const run = await mesh.startWorkflow(flow([step('a')], { output: '${{ steps.a.output }}' }));
  await mesh.advance('999s');
  expect(polls).toBe(99);
  await mesh.advance('1s');
  expect((await run.result()).output).toBe(100);
});

test('the same seed gives the same ids, jitter and order', async () => {
  const play = async (seed: number): Promise<unknown> => {
    await using mesh = await TestMesh.start({ seed });
    mesh.agent('worker').failWith('a', 'NO', { times: 3 });
    const run = await mesh.startWorkflow(flow([step('a', { retries: 5 })]));
    await mesh.advance('1h');
    return run.journal();
  };
  expect(await play(7)).toEqual(await play(7));
  expect(await play(7)).not.toEqual(await play(8));
});

test('`toHaveHistory` tells what there is when it is something else', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1);
  const run = await mesh.startWorkflow(flow([step('a')]));
  expect(run).toHaveHistory(['a#1 COMPLETED']);
  expect(run).not.toHaveHistory(['a#1 FAILED']);
  expect(() => expect(run).toHaveHistory(['a#1 LOST', 'a#2 COMPLETED'])).toThrow(/it is:\n {2}a#1 COMPLETED/);
  expect(() => expect(run).toHaveHistory([])).toThrow(/\(none\)/);
});

test('a real agent lives in the mesh, too', async () => {
  await using mesh = await TestMesh.start();
  const { createClock, createLinks, random } = mesh.world;
  const agent = new Agent({ id: 'real', clock: createClock('process'), random, links: createLinks('real') });
  agent.handle('a', async (input: { n: number }, ctx) => {
    await mesh.sleep('1m', ctx.signal);
    return input.n * 2;
  });
  await agent.start();
  const run = await mesh.startWorkflow(
    flow([step('a', { parameters: { n: 21 } })], { output: '${{ steps.a.output }}' }),
  );
  await mesh.advance('2m');
  expect((await run.result()).output).toBe(42);
  const stopping = agent.stop();
  await mesh.advance('1s');
  await stopping;
});

test('a mock may be made first and join later', async () => {
  await using mesh = await TestMesh.start();
  const mock = new MockAgent('worker').setResponse('a', (input) => ({ got: input.x }));
  mesh.join(mock);
  const run = await mesh.startWorkflow(flow([step('a', { parameters: { x: 1 } })]));
  expect((await run.result()).steps[0]?.output).toEqual({ got: 1 });
  expect(mock.calls[0]).toMatchObject({ action: 'a', input: { x: 1 }, attempt: { number: 1, step: 'a' } });
});

test('the orchestrator of the mesh is a whole client', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1).setDelay('a', '1s');
  await mesh.registerWorkflow(flow([step('a')]));
  const progress: number[] = [];
  mesh.orchestrator.onProgress(({ percentage }) => void progress.push(percentage));
  const run = await mesh.orchestrator.startWorkflow('Flow');
  const events: string[] = [];
  const watching = (async () => {
    for await (const event of run.events()) events.push(event.type);
  })();
  await mesh.advance('2s');
  await watching;
  expect(events.at(-1)).toBe('runEnded');
  expect((await run.result()).status).toBe('COMPLETED');
  expect(progress.at(-1)).toBe(100);
  await mesh.orchestrator.ready();
  expect(mesh.orchestrator.listAgents().map(({ agentId, status }) => `${agentId} ${status}`)).toEqual(['worker READY']);
});

test('between a crash and a restart the control plane is not there', async () => {
  await using mesh = await TestMesh.start();
  mesh.crash();
  expect(() => mesh.controlPlane).toThrow(/it has crashed/);
  await expect(mesh.orchestrator.listRuns()).rejects.toMatchObject({ code: 'UNREACHABLE' });
  await mesh.restart();
  expect(await mesh.orchestrator.listRuns()).toEqual([]);
});
