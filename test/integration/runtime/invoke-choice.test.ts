/** Which agents a call may go to: by version and by labels, as a step says it. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { capability } from '../../../src/core/capability.ts';
import { TestMesh } from '../../../src/testing/index.ts';
import { ASKING, callsOf, endsOf, ordersOf } from './call-stage.ts';

const work = (version: string) => capability('work', { version, input: z.object({}), output: z.string() });
const MINE = work('1.4.2');

async function started(): Promise<TestMesh> {
  const mesh = await TestMesh.start();
  for (const [id, version] of [
    ['old', '1.1.0'],
    ['new', '2.0.0'],
  ] as const)
    for (const region of ['eu', 'us'])
      mesh.agent(`${id}-${region}`, { labels: { region } }).setResponse(work(version), `${id} ${region}`);
  await mesh.settle();
  return mesh;
}

test('a call goes to an agent in its version range that has its labels', async () => {
  await using mesh = await started();
  mesh
    .agent('caller')
    .setResponse('ask', async (_, { invoke }) => [
      await invoke('work', {}, { key: 'a', version: '>=2', labels: { region: 'us' } }),
      await invoke('work', {}, { key: 'b', version: '^1', labels: { region: 'eu' } }),
      await invoke(MINE, {}, { key: 'c', labels: { region: 'us' } }),
      await invoke(MINE, {}, { key: 'd', version: '2.x', labels: { region: 'eu' } }),
    ]);
  const run = await mesh.startWorkflow(ASKING);
  expect((await run.result()).output).toEqual(['new us', 'old eu', 'old us', 'new eu']);
  expect(endsOf(mesh)).toEqual([
    'call/work@>=2?region=us COMPLETED',
    'call/work@^1?region=eu COMPLETED',
    'call/work@^1?region=us COMPLETED',
    'call/work@2.x?region=eu COMPLETED',
  ]);
});

test('a call that nobody fits waits, says why, over a restart, and goes on in the turn in which an operator labels one', async () => {
  await using mesh = await started();
  mesh
    .agent('caller')
    .setResponse('ask', (_, { invoke }) => invoke('work', {}, { key: 'k', version: '^2', labels: { region: 'asia' } }));
  const run = await mesh.startWorkflow(ASKING);
  await mesh.advance('2s');
  await mesh.restart();
  await mesh.advance('10s');
  const [call] = callsOf(mesh);
  const { summary, candidates } = await mesh.orchestrator.explainStep(call?.runId ?? '', 'call');
  expect(summary).toContain('NO_AGENT');
  expect(candidates.map(({ agentId, text }) => `${agentId}: ${text}`).sort()).toEqual([
    'caller: no work',
    'new-eu: region=eu',
    'new-us: region=us',
    'old-eu: work@1.1.0',
    'old-us: work@1.1.0',
  ]);
  await mesh.orchestrator.labelAgent('new-us', { labels: { region: 'asia' } });
  await mesh.advance('10s');
  expect((await run.result()).output).toBe('new us');
  expect(ordersOf(mesh)).toEqual([['start call#1 new-us', 'end call#1 COMPLETED']]);
  expect(run).toHaveHistory(['ask#1 COMPLETED']);
  const listed = await mesh.orchestrator.listRuns({ workflow: call?.workflow ?? '' });
  expect(listed.map(({ runId }) => runId)).toEqual([call?.runId]);
});

test('CALL_KEY_REUSED under a key that has another version or other labels', async () => {
  await using mesh = await started();
  const codes: unknown[] = [];
  mesh.agent('caller').setResponse('ask', async (_, { invoke }) => {
    for (const more of [
      { version: '^1', labels: { region: 'eu' } },
      { version: '^2', labels: { region: 'eu' } },
      { version: '^1', labels: { region: 'us' } },
      { version: '^1' },
      { version: '^1', labels: { region: 'eu' } },
    ])
      codes.push(await invoke('work', {}, { key: 'k', ...more }).catch(({ code }) => code));
  });
  const run = await mesh.startWorkflow(ASKING);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(codes).toEqual(['old eu', 'CALL_KEY_REUSED', 'CALL_KEY_REUSED', 'CALL_KEY_REUSED', 'old eu']);
  expect(callsOf(mesh)).toHaveLength(1);
});

test('a range that is none, and names that are too long together, are refused and not asked again', async () => {
  await using mesh = await started();
  const refusals: unknown[] = [];
  mesh.agent('caller').setResponse('ask', async (_, { invoke }) => {
    const many = Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`l${i}`, 'x'.repeat(250)]));
    for (const more of [{ version: 'one' }, { version: '1'.repeat(2_000) }, { labels: many }])
      await invoke('work', {}, { key: 'k', ...more }).catch(({ code, message }) => refusals.push(`${code} ${message}`));
  });
  const run = await mesh.startWorkflow(ASKING);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(refusals).toEqual([
    expect.stringMatching(/^INVALID_ARGUMENT .*"one" is not a semver range such as \^1\.2/),
    expect.stringMatching(/^INVALID_ARGUMENT .*is not a semver range/),
    expect.stringMatching(/^INVALID_ARGUMENT .*labels.* too long/),
  ]);
  expect(callsOf(mesh)).toEqual([]);
});
