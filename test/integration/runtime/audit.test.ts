/** The audit log: an entry is there exactly when what it tells is. */
import { expect, test } from 'vitest';
import type { AuditEntryView, ListAuditOptions } from '../../../src/client/index.ts';
import { StoreError } from '../../../src/control-plane/store/port.ts';
import { YardmasterError } from '../../../src/core/errors.ts';
import { limits } from '../../../src/core/limits.ts';
import { TestMesh } from '../../../src/testing/index.ts';
import { flow, step } from '../../unit/engine/flow.ts';

const workflow = flow([step('a')]);

const list = (mesh: TestMesh, options: ListAuditOptions = {}): Promise<readonly AuditEntryView[]> =>
  mesh.orchestrator.listAudit(options);
const tell = ({ action, subject, outcome, errorCode }: AuditEntryView): string =>
  [action, subject.kind, subject.name, errorCode ?? outcome].join(' ');
const cancelNothing = (mesh: TestMesh): Promise<unknown> => mesh.orchestrator.cancelRun('nope').catch(() => undefined);

test('tells who registered, started and cancelled what, newest first', async () => {
  await using mesh = await TestMesh.start();
  await mesh.registerWorkflow(workflow);
  await mesh.advance('1s');
  const run = await mesh.startWorkflow('Flow', {}, { requestId: 'once' });
  await mesh.advance('1s');
  await mesh.orchestrator.cancelRun(run.id.slice(-6), 'not today');
  const entries = await list(mesh);
  expect(entries.map(tell)).toEqual([
    `run.cancel RUN ${run.id} DONE`,
    `run.start RUN ${run.id} DONE`,
    'workflow.register WORKFLOW Flow DONE',
  ]);
  expect(entries[0]).toMatchObject({ workflow: 'Flow', version: 1, details: { reason: 'not today' } });
  expect(entries[1]).toMatchObject({ entryId: run.id, requestId: 'once', workflow: 'Flow', version: 1 });
  expect(entries[2]).toMatchObject({ workflow: 'Flow', version: 1, actor: { name: 'anonymous', proof: 'NONE' } });
  const [cancelled, started] = entries.map(({ time }) => time?.getTime() ?? 0);
  expect((cancelled ?? 0) - (started ?? 0)).toBe(1_000);
});

test('pauses, resumes and each run of a bulk cancel have an entry; repeats and dry runs have none', async () => {
  await using mesh = await TestMesh.start();
  await mesh.registerWorkflow(workflow);
  const run = await mesh.startWorkflow('Flow');
  await mesh.advance('1s');
  await mesh.orchestrator.pauseRun(run.id, 'lunch');
  await mesh.orchestrator.pauseRun(run.id, 'again');
  await mesh.advance('1s');
  await mesh.orchestrator.resumeRun(run.id);
  await mesh.orchestrator.resumeRun(run.id);
  await mesh.advance('1s');
  await mesh.orchestrator.cancelRuns({ workflow: 'Flow' }, { dryRun: true });
  await mesh.orchestrator.cancelRuns({ workflow: 'Flow' }, { reason: 'all of them' });
  await mesh.orchestrator.pauseRun('nope').catch(() => undefined);
  const entries = (await list(mesh)).filter(({ action }) => action !== 'run.start' && action !== 'workflow.register');
  expect(entries.map((entry) => `${tell(entry)} ${entry.details.reason ?? ''}`)).toEqual([
    'run.pause RUN nope RUN_NOT_FOUND ',
    `run.cancel RUN ${run.id} DONE all of them`,
    `run.resume RUN ${run.id} DONE `,
    `run.pause RUN ${run.id} DONE lunch`,
  ]);
});

test('a call that changes nothing has no entry', async () => {
  await using mesh = await TestMesh.start();
  await mesh.registerWorkflow(workflow);
  const run = await mesh.startWorkflow('Flow', {}, { requestId: 'once' });
  await mesh.orchestrator.cancelRun(run.id);
  await run.result();
  const before = await list(mesh);
  await mesh.registerWorkflow(workflow);
  await mesh.orchestrator.registerWorkflow(flow([step('b')]), { validateOnly: true });
  await mesh.startWorkflow('Flow', {}, { requestId: 'once' });
  expect((await mesh.orchestrator.cancelRun(run.id)).accepted).toBe(false);
  expect(await list(mesh)).toEqual(before);
});

test('refused calls have entries with the code, the text and what the caller wrote', async () => {
  await using mesh = await TestMesh.start();
  await mesh.registerWorkflow(workflow);
  await mesh.startWorkflow('Flow', {}, { requestId: 'once' });
  const { api } = mesh.orchestrator;
  const source = (text: string, file: string) => ({ definition: { case: 'source' as const, value: { text, file } } });
  const refusals: [string, () => Promise<unknown>][] = [
    ['WORKFLOW_NOT_FOUND', () => api.runs.startRun({ workflow: 'Folw' })],
    ['INVALID_ARGUMENT', () => api.runs.startRun({ workflow: 'not a name' })],
    ['REQUEST_ID_REUSED', () => mesh.startWorkflow('Flow', { other: 1 }, { requestId: 'once' })],
    ['RUN_NOT_FOUND', () => api.runs.cancelRun({ runId: 'ZZZZZZ', reason: 'why not' })],
    ['WORKFLOW_INVALID', () => api.workflows.registerWorkflow(source('name: Bad\nsteps: []', 'bad.yaml'))],
    ['WORKFLOW_INVALID', () => api.workflows.registerWorkflow(source('}', 'worse.yaml'))],
  ];
  for (const [code, refused] of refusals) {
    const error = await refused().catch((error: unknown) => error);
    expect(error).toBeInstanceOf(YardmasterError);
    expect(error).toMatchObject({ code });
    await mesh.advance('1ms');
  }
  const entries = (await list(mesh)).filter(({ outcome }) => outcome === 'REFUSED').reverse();
  expect(entries.map(tell)).toEqual([
    'run.start WORKFLOW Folw WORKFLOW_NOT_FOUND',
    'run.start WORKFLOW not a name INVALID_ARGUMENT',
    'run.start WORKFLOW Flow REQUEST_ID_REUSED',
    'run.cancel RUN zzzzzz RUN_NOT_FOUND',
    'workflow.register WORKFLOW bad.yaml WORKFLOW_INVALID',
    'workflow.register WORKFLOW worse.yaml WORKFLOW_INVALID',
  ]);
  expect(entries[0]?.details.message).toContain('did you mean "Flow"?');
  // A text that cannot be read has no name.
  expect(entries[4]?.workflow).toBeUndefined();
  expect(entries[2]?.requestId).toBe('once');
  expect(entries[3]?.details).toMatchObject({ reason: 'why not' });
});

test('entries survive a crash of the control plane', async () => {
  await using mesh = await TestMesh.start();
  const run = await mesh.startWorkflow(workflow);
  await mesh.orchestrator.cancelRun(run.id);
  const before = await list(mesh);
  expect(before).toHaveLength(3);
  mesh.crash();
  await mesh.restart();
  expect(await list(mesh)).toEqual(before);
});

test.each(['landed', 'not landed'])('a cancel whose commit failed (%s) has one entry in the end', async (fate) => {
  let isBad = false;
  const breakOnce = (): void => {
    if (!isBad) return;
    isBad = false;
    throw new Error('no word of the disk');
  };
  const faults = fate === 'landed' ? { afterCommit: breakOnce } : { beforeCommit: breakOnce };
  await using mesh = await TestMesh.start({ faults });
  const run = await mesh.startWorkflow(workflow);
  isBad = true;
  const cancelling = mesh.orchestrator.cancelRun(run.id, 'enough');
  await mesh.advance('5s');
  await cancelling;
  expect(isBad).toBe(false);
  expect((await run.result()).status).toBe('CANCELLED');
  expect((await list(mesh, { action: 'run.cancel' })).map(tell)).toEqual([`run.cancel RUN ${run.id} DONE`]);
});

test('a cancel that could not be stored was not refused, and has no entry', async () => {
  let isBad = false;
  const beforeCommit = (): void => {
    if (isBad) throw new StoreError('FULL', 'the disk is full');
  };
  await using mesh = await TestMesh.start({ faults: { beforeCommit } });
  const run = await mesh.startWorkflow(workflow);
  isBad = true;
  const failed = expect(mesh.orchestrator.cancelRun(run.id)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  await mesh.advance('100ms');
  isBad = false;
  await mesh.advance('5s');
  await failed;
  expect(await list(mesh, { action: 'run.cancel' })).toEqual([]);
  await mesh.orchestrator.cancelRun(run.id);
  expect(await list(mesh, { action: 'run.cancel' })).toHaveLength(1);
});

test('refusals fill the log up to a limit per second, and the next entry says how many have none', async () => {
  await using mesh = await TestMesh.start();
  const max = limits.auditRefusalsPerSecondMax;
  await Promise.all(Array.from({ length: max + 7 }, () => cancelNothing(mesh)));
  expect(await list(mesh, { limit: 1_000 })).toHaveLength(max);
  await mesh.advance('1s');
  await cancelNothing(mesh);
  const [newest] = await list(mesh, { limit: 1 });
  expect(newest?.details).toMatchObject({ skipped: '7' });
});

test('a refusal is answered although its entry could not be stored, and is counted', async () => {
  let isBad = false;
  const beforeCommit = (): void => {
    if (isBad) throw new StoreError('FULL', 'the disk is full');
  };
  await using mesh = await TestMesh.start({ faults: { beforeCommit } });
  const { api } = mesh.orchestrator;
  isBad = true;
  await expect(api.runs.startRun({ workflow: 'not a name' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(api.runs.startRun({ workflow: 'not a name' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  isBad = false;
  await mesh.advance('5s');
  expect(await list(mesh)).toEqual([]);
  await cancelNothing(mesh);
  expect((await list(mesh)).map(({ details }) => details.skipped)).toEqual(['2']);
});

test('entries go when they are as old as runs may be; the start of an open run stays', async () => {
  await using mesh = await TestMesh.start();
  const run = await mesh.startWorkflow(workflow);
  await cancelNothing(mesh);
  await mesh.advance('13d');
  expect(await list(mesh)).toHaveLength(3);
  await mesh.advance('1d');
  await mesh.advance('10m');
  expect((await list(mesh)).map(tell)).toEqual([`run.start RUN ${run.id} DONE`]);
});

test('pages do not repeat and do not skip, whatever they are made of', async () => {
  await using mesh = await TestMesh.start();
  await mesh.registerWorkflow(workflow);
  for (let i = 0; i < 4; i++) {
    const run = await mesh.startWorkflow('Flow');
    await mesh.orchestrator.cancelRun(run.id);
    await cancelNothing(mesh);
    await mesh.advance('1ms');
  }
  const all = await list(mesh);
  expect(all).toHaveLength(13);
  const paged: string[] = [];
  let pageToken = '';
  do {
    const page = await mesh.orchestrator.api.audit.listAuditEntries({ pageSize: 2, pageToken });
    paged.push(...page.entries.map(({ entryId }) => entryId));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  expect(paged).toEqual(all.map(({ entryId }) => entryId));
});

test('a filter that cannot be meant is refused with all that is wrong', async () => {
  await using mesh = await TestMesh.start();
  const { audit } = mesh.orchestrator.api;
  const asked = audit.listAuditEntries({
    action: 'run.strat',
    since: { seconds: 1n << 60n, nanos: 0 },
    pageToken: 'x',
  });
  await expect(asked).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    problems: [
      { place: { pointer: 'page_token' } },
      { place: { pointer: 'since' } },
      { message: '"action": "run.strat" is not an action; did you mean "run.start"?' },
    ],
  });
});
