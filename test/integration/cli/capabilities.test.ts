/** `yardmaster capabilities` against a real control plane in virtual time. */

import { expect, test } from 'vitest';
import { z } from 'zod';
import { capability } from '../../../src/core/capability.ts';
import { TestMesh } from '../../../src/testing/index.ts';
import { runCommand } from '../../unit/cli/capture.ts';

const greet = capability('greet', {
  version: '1.2.0',
  description: 'Says hello',
  idempotent: true,
  input: z.object({ to: z.string(), times: z.number().optional() }),
  output: z.object({ text: z.string() }),
});

async function started(): Promise<TestMesh> {
  const mesh = await TestMesh.start();
  // The command closes its client; that of the mesh stays open.
  mesh.orchestrator.close = async () => undefined;
  mesh
    .agent('greeter', { slots: 2 })
    .setResponse(greet, ({ to, times = 1 }) => ({ text: Array(times).fill(`hello ${to}`).join(', ') }));
  mesh.agent('other').setResponse('sweep', 'clean').failWith('fold', 'TORN', { retryable: false });
  await mesh.settle();
  return mesh;
}

const run = (mesh: TestMesh, ...args: readonly string[]) =>
  runCommand(['capabilities', ...args], { connect: () => mesh.orchestrator });

test('list prints what is on offer', async () => {
  await using mesh = await started();
  expect((await run(mesh, 'list')).out).toBe(`CAPABILITY  VERSION  READY  IDEMPOTENT  AGENTS   SCHEMAS
fold        -        1/1    no          other    -
greet       1.2.0    1/1    yes         greeter  -
sweep       -        1/1    no          other    -
`);
  expect(JSON.parse((await run(mesh, 'list', '-o', 'json')).out)).toMatchObject({
    offers: [{ capability: { name: 'fold' } }, { capability: { name: 'greet', version: '1.2.0' } }, {}],
  });
});

test('get prints schemas, and knows the nearest name', async () => {
  await using mesh = await started();
  expect((await run(mesh, 'get', 'greet')).out).toBe(`greet 1.2.0  1 of 1 ready: greeter
  Says hello
  idempotent: may run twice without harm
  input
    to     string
    times  number  optional
  output
    text  string
`);
  const missing = await run(mesh, 'get', 'gret');
  expect(missing).toMatchObject({ code: 3, out: '' });
  expect(missing.err).toContain('did you mean "greet"?');
});

test('call runs one step, typed by the schema, and prints its output; calling again registers nothing', async () => {
  await using mesh = await started();
  const called = await run(mesh, 'call', 'greet', '-p', 'to=42', '-p', 'times=2');
  expect(called).toMatchObject({ code: 0 });
  expect(JSON.parse(called.out)).toEqual({ text: 'hello 42, hello 42' });
  await run(mesh, 'call', 'greet', '-p', 'to=Ada');
  const runs = await mesh.orchestrator.listRuns();
  expect(runs.map(({ workflow, version, status }) => [workflow, version, status])).toEqual([
    ['yardmaster.call.greet', 1, 'COMPLETED'],
    ['yardmaster.call.greet', 1, 'COMPLETED'],
  ]);
});

test('call of one agent goes to that agent, or says who offers it', async () => {
  await using mesh = await started();
  const second = mesh.agent('second').setResponse('sweep', 'cleaner');
  await mesh.settle();
  const called = await run(mesh, 'call', 'sweep', '--agent', 'second');
  expect(called).toMatchObject({ code: 0, out: '"cleaner"\n' });
  expect(second.calls).toHaveLength(1);
  const refused = await run(mesh, 'call', 'sweep', '--agent', 'greeter');
  expect(refused.code).toBe(3);
  expect(refused.err).toContain('it is offered by other, second');
});

test('what the schema does not fit is refused before anything is registered, and a failure is told', async () => {
  await using mesh = await started();
  const refused = await run(mesh, 'call', 'greet', '-p', 'times=many');
  expect(refused.code).toBe(2);
  expect(await mesh.orchestrator.fetchWorkflow('yardmaster.call.greet').catch(({ code }) => code)).toBe(
    'WORKFLOW_NOT_FOUND',
  );
  const failed = await run(mesh, 'call', 'fold');
  expect(failed.code).toBe(1);
  expect(failed.err).toContain('TORN');
});

test('call of a version range and a label goes to an agent that has both, or says which versions are offered', async () => {
  await using mesh = await started();
  const newer = mesh
    .agent('newer')
    .setResponse(capability('greet', { version: '2.0.0', input: z.object({}), output: z.string() }), 'hi');
  await mesh.settle();
  await mesh.orchestrator.labelAgent('greeter', { labels: { region: 'eu' } });
  const labelled = await run(mesh, 'call', 'greet', '-p', 'to=Ada', '--version', '^1.2', '--label', 'region=eu');
  expect(labelled).toMatchObject({ code: 0, out: expect.stringContaining('hello Ada') });
  expect(newer.calls).toEqual([]);
  const newest = await run(mesh, 'call', 'greet', '--version', '>=2');
  expect(newest).toMatchObject({ code: 0, out: expect.stringContaining('hi') });
  const none = await run(mesh, 'call', 'greet', '--version', '^3');
  expect(none.code).toBe(3);
  expect(none.err).toContain('call "greet" ^3: it is offered in 2.0.0, 1.2.0');
  const wrong = await run(mesh, 'call', 'greet', '--version', 'one');
  expect(wrong.code).toBe(2);
  expect(wrong.err).toContain('read the version range "one"');
});
