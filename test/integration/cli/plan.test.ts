/** `yardmaster plan FILE` against a real control plane in virtual time. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Orchestrator } from '../../../src/client/index.ts';
import { TestMesh } from '../../../src/testing/index.ts';
import { runCommand } from '../../unit/cli/capture.ts';

const folder = mkdtempSync(join(tmpdir(), 'yardmaster-plan-'));
afterAll(() => rmSync(folder, { recursive: true }));

const nightly = `name: Nightly
description: Copies tables
timeout: 1h
steps:
  - id: extract
    type: parallel
    steps:
      - { id: orders, action: extract }
      - { id: users, action: extract }
  - { id: clean, action: clean, version: ^2.0 }
  - { id: approve, type: signal, signal: go }
  - { id: load, action: load }
`;

async function plan(mesh: TestMesh, text: string, ...flags: readonly string[]) {
  const file = join(folder, 'nightly.yaml');
  writeFileSync(file, text);
  // Names of instances are random; places of problems name the file.
  // The command closes its client; that of the mesh stays open. It needs no more than this of it.
  const client = { api: mesh.orchestrator.api, close: async () => undefined } as Orchestrator;
  const ran = await runCommand(['plan', file, ...flags], { connect: () => client });
  const tidy = (said: string): string => said.replaceAll(/\/[0-9a-z]{4}\b/g, '/id').replaceAll(`${folder}/`, '');
  return { code: ran.code, out: tidy(ran.out), err: tidy(ran.err) };
}

test('a new definition: waves, who could take each step, and what is not known', async () => {
  await using mesh = await TestMesh.start();
  const busy = mesh.agent('extractor', { slots: 1 }).setResponse('extract', 1).setDelay('extract', '1h');
  mesh.agent('old-cleaner').setResponse('clean', 1);
  await mesh.settle();
  const planned = await plan(mesh, nightly);
  expect(planned).toMatchObject({ code: 0, err: '' });
  expect(planned.out).toBe(`Nightly v1, new: 4 steps in 4 waves
WAVE  STEP      ACTION      USUALLY  AGENTS NOW
1     extract   (parallel)  -        -
1       orders  extract     -        1 of 1 free: extractor/id
1       users   extract     -        1 of 1 free: extractor/id
2     clean     clean       -        none: old-cleaner/id clean@unversioned
3     approve   (signal)    -        -
4     load      load        -        nobody offers load
how long it takes is not known: no run of it has completed
warning UNKNOWN_CAPABILITY: no agent offers "load" now
  next: start an agent that offers "load"
`);
  expect((await mesh.orchestrator.api.workflows.listWorkflows({})).workflows).toEqual([]);
  expect(busy.calls).toEqual([]);
});

const short = `name: Short
description: Two steps
timeout: 1h
steps:
  - { id: pull, action: pull }
  - { id: push, action: push }
`;

test('a definition with history: what changes, what is usual, the critical path, and warnings with carets', async () => {
  await using mesh = await TestMesh.start();
  mesh
    .agent('worker', { slots: 1 })
    .setResponse('pull', 1)
    .setDelay('pull', '2s')
    .setResponse('push', 1)
    .setDelay('push', '3s');
  await mesh.registerWorkflow({ yaml: short });
  await mesh.startWorkflow('Short');
  await mesh.advance('10s');
  await mesh.startWorkflow('Short');
  await mesh.settle();
  const changed = `${short.replace('timeout: 1h', 'timeout: 2h').replace('action: push }', 'action: push, when: "false" }')}  - { id: tell, action: pull }\n`;
  expect((await plan(mesh, changed)).out).toBe(`Short v2, new after v1: 3 steps in 3 waves
  adds tell
  changes push
  sets timeoutMs
WAVE  STEP  ACTION  USUALLY  AGENTS NOW
1     pull  pull    ~2s *    none of 1 free: worker/id 1 of 1 slots
2     push  push    ~3s *    none of 1 free: worker/id 1 of 1 slots
3     tell  pull    -        none of 1 free: worker/id 1 of 1 slots
* critical path: pull -> push, ~5s
  by 1 completed run; a run takes ~5s
warning unreachable-branch: "push" never runs: "when" is false
  nightly.yaml:6:37
  6 |   - { id: push, action: push, when: "false" }
    |                                     ^^^^^^^
  next: take it out, or mend the condition
`);
  expect((await plan(mesh, short)).out).toMatch(/^Short v1, unchanged: 2 steps in 2 waves\nWAVE/);
});

test('JSON is that of the proto, and a definition that is wrong is told with carets and code 2', async () => {
  await using mesh = await TestMesh.start();
  const { out } = await plan(mesh, short, '-o', 'json');
  expect(JSON.parse(out)).toMatchObject({
    name: 'Short',
    version: 1,
    created: true,
    waves: 2,
    steps: [
      { stepId: 'pull', kind: 'STEP_KIND_AGENT', wave: 1, requirement: { action: 'pull' } },
      { stepId: 'push', wave: 2 },
    ],
  });
  const wrong = await plan(mesh, short.replace('action: push', 'actoin: push'));
  expect(wrong).toMatchObject({ code: 2, out: '' });
  expect(wrong.err).toContain('6 |   - { id: push, actoin: push }\n    |                 ^^^^^^\n');
});
