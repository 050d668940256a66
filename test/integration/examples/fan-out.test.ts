/** Flows that do the same for many: workers, segments, questions about one text. */
import { describe, expect, test } from 'vitest';
import { TestMesh } from 'yardmaster/testing';
import { createTextAgent } from '../../../examples/agents/typescript/text/agent.ts';
import { addCounts, countWords } from '../../../examples/agents/typescript/text/analyse.ts';
import { startExample } from './example.ts';

describe('text-analysis.yaml', () => {
  test('asks the real agent three questions at once', async () => {
    await using mesh = await TestMesh.start();
    const { world } = mesh;
    const options = { clock: world.createClock('process'), random: world.random, slots: 3 };
    const agent = createTextAgent({ ...options, links: world.createLinks('text-reader') });
    void agent.start();
    await mesh.settle();
    const text =
      'Thanks, the support of Ada was great. But my parcel from Berlin is late again, and the delivery slow.';
    const run = await startExample(mesh, 'text-analysis.yaml', { text });
    expect(run.order().slice(0, 3)).toEqual([
      'start sentiment#1 text-reader',
      'start entities#1 text-reader',
      'start classify#1 text-reader',
    ]);
    expect(run).toHaveHistory(['sentiment#1 COMPLETED', 'entities#1 COMPLETED', 'classify#1 COMPLETED']);
    expect((await run.result()).output).toEqual({ mood: 'neutral', names: ['Ada', 'Berlin'], topic: 'delivery' });
  });
});

describe('master-worker.yaml', () => {
  const texts = ['a train', 'a train and a track', 'the track', 'a signal', 'the signal and the train'];
  const total = { a: 4, and: 2, signal: 2, the: 3, track: 2, train: 3 };

  function workers(mesh: TestMesh) {
    const replicas = mesh.agents('text-reader', 3, { slots: 1 });
    for (const replica of replicas)
      replica.setResponse('count-words', ({ text }) => countWords(text)).setDelay('count-words', '10s');
    mesh.agent('master').setResponse('add-counts', (counts) => addCounts(Object.values(counts)));
    return replicas;
  }

  test('three workers do five tasks: two of them wait for a free one, and none is dropped', async () => {
    await using mesh = await TestMesh.start();
    workers(mesh);
    const run = await startExample(mesh, 'master-worker.yaml', { texts });
    await mesh.advance('5s');
    expect(run).toHaveHistory(['text-1#1 OPEN', 'text-2#1 OPEN', 'text-3#1 OPEN']);
    await mesh.advance('1m');
    expect(run).toHaveHistory([
      'text-1#1 COMPLETED',
      'text-2#1 COMPLETED',
      'text-3#1 COMPLETED',
      'text-4#1 COMPLETED',
      'text-5#1 COMPLETED',
      'add-up#1 COMPLETED',
    ]);
    expect(new Set(run.history().map(({ instance }) => instance)).size).toBe(4);
    expect((await run.result()).output).toEqual(total);
  });

  test('the task of a worker that dies goes to another, and the sum is the same', async () => {
    await using mesh = await TestMesh.start();
    const replicas = workers(mesh);
    const run = await startExample(mesh, 'master-worker.yaml', { texts });
    await mesh.advance('5s');
    const lost = run.history().find(({ path }) => path === 'text-2');
    replicas.find(({ instanceId }) => instanceId === lost?.instance)?.crash();
    await mesh.advance('2m');
    const attempts = run.history().filter(({ path }) => path === 'text-2');
    expect(attempts.map(({ number, outcome }) => `#${number} ${outcome}`)).toEqual(['#1 LOST', '#2 COMPLETED']);
    expect(attempts[1]?.instance).not.toBe(lost?.instance);
    expect(run.history()).toHaveLength(7);
    expect((await run.result()).output).toEqual(total);
  });

  test('a task is tried three times, then the run fails and says which', async () => {
    await using mesh = await TestMesh.start();
    for (const replica of workers(mesh))
      replica.setDelay('count-words', 0).setResponse('count-words', ({ text }) => {
        if (text === 'the track') throw new Error('unreadable');
        return countWords(text);
      });
    const run = await startExample(mesh, 'master-worker.yaml', { texts });
    await mesh.advance('1m');
    const tries = run.history().filter(({ path }) => path === 'text-3');
    expect(tries.map(({ outcome }) => outcome)).toEqual(['FAILED', 'FAILED', 'FAILED']);
    expect((await run.result()).error).toMatchObject({ step: 'text-3', attempt: 3 });
    expect(run.history().some(({ path }) => path === 'add-up')).toBe(false);
  });
});

test('marketing-campaign.yaml: two segments at a time, and one that fails keeps no other from its mail', async () => {
  await using mesh = await TestMesh.start();
  const marketing = mesh.agent('marketing');
  marketing.setResponse('create-campaign', { campaign: 'c-1' });
  marketing.setResponse('segment', { new: ['n'], regular: ['r1', 'r2'], lapsed: ['l'] });
  marketing.setResponse('measure', ({ sent }) => ({ sent: Object.keys(sent).length }));
  const post = mesh
    .agent('post')
    .setDelay('send', '40m')
    .setResponse('send', ({ to }) => {
      if (to[0] === 'n') throw new Error('bounced');
      return to.length;
    });
  const run = await startExample(mesh, 'marketing-campaign.yaml', { product: 'tracks' });
  await mesh.advance('20m');
  expect(post.calls).toHaveLength(2);
  await mesh.advance('30m');
  expect(run.order().slice(4)).toEqual([
    'start send-new#1 post',
    'start send-regular#1 post',
    'end send-new#1 FAILED',
    'start send-lapsed#1 post',
    'end send-regular#1 COMPLETED',
  ]);
  await mesh.advance('26h');
  expect(marketing.calls.at(-1)?.input).toEqual({ campaign: 'c-1', sent: { 'send-regular': 2, 'send-lapsed': 1 } });
  expect((await run.result()).output).toEqual({ sent: 2 });
});
