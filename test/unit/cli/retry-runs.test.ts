/** Another try of a run or of many, and the same again. */
import { toJson } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createRouterTransport } from '@connectrpc/connect';
import { describe, expect, test } from 'vitest';
import { Orchestrator } from '../../../src/client/index.ts';
import { RunStatus } from '../../../src/gen/yardmaster/v1/run_pb.ts';
import { FakeMesh, NEXT_ID, RUN_ID } from '../client/fake-mesh.ts';
import { type Ran, runCommand, type Setting } from './capture.ts';

function yardmaster(mesh: FakeMesh, line: string, setting: Setting = {}): Promise<Ran> {
  const connect = (): Orchestrator => new Orchestrator({ transport: createRouterTransport(mesh.routes) });
  return runCommand(line.split(' '), { ...setting, connect, now: () => 6_000 });
}

function meshWith(count: number): FakeMesh {
  const mesh = new FakeMesh();
  mesh.listed = Array.from({ length: count }, (_, i) => ({ ...mesh.run, runId: `${RUN_ID.slice(0, -2)}0${i}` }));
  return mesh;
}

describe('runs retry', () => {
  test('starts another try, follows it, and ends with its exit code', async () => {
    const mesh = new FakeMesh();
    mesh.finish(RunStatus.FAILED);
    const { code, err } = await yardmaster(mesh, `runs retry ${RUN_ID}`);
    expect(code).toBe(1);
    expect(err).toContain('run 1d50aa61 is another try of 9c41e7b2\n');
    expect(mesh.calls.filter((call) => call.startsWith('retryRun'))).toHaveLength(1);
  });

  test('repeats the call under one request id when it met a cut', async () => {
    const mesh = new FakeMesh();
    mesh.failures.push(new ConnectError('gone', Code.Unavailable));
    const { code, out, err } = await yardmaster(mesh, `runs retry ${RUN_ID} --detach`);
    expect({ code, out }).toEqual({ code: 0, out: `${NEXT_ID}\n` });
    expect(err).toBe('run 1d50aa61, another try of 9c41e7b2, started. next: yardmaster runs watch aa61\n');
    const retries = mesh.calls.filter((call) => call.startsWith('retryRun'));
    expect(retries).toHaveLength(2);
    expect(new Set(retries).size).toBe(1);
    expect(retries[0]).toMatch(new RegExp(`^retryRun ${RUN_ID} [0-9a-f-]{36}$`));
  });

  const many = 'runs retry --workflow Nightly --failure-code BOOM';

  test('with options: asks first, says how many had another try before', async () => {
    const mesh = meshWith(3);
    mesh.late = 1;
    const no = await yardmaster(mesh, many, { answer: 'n' });
    expect(no).toMatchObject({ code: 1, out: '' });
    expect(no.err).toContain('retry 3 runs? [y/N] nothing was started');
    const yes = await yardmaster(mesh, many, { answer: 'y' });
    expect(yes).toMatchObject({
      code: 0,
      out: '2 runs retried, 1 run had another try before\n  9c41e700 9c41e701 9c41e702\n',
    });
    expect(mesh.calls).toEqual(['retryRuns dry', 'retryRuns dry', 'retryRuns']);
    expect(mesh.filters[0]).toMatchObject({ workflow: 'Nightly', failureCode: 'BOOM' });
  });

  test('with options and --dry-run: starts nothing', async () => {
    const mesh = meshWith(1);
    const { out } = await yardmaster(mesh, `${many} --dry-run`, { answer: 'y' });
    expect(out).toBe('1 run would be retried\n  9c41e700\n');
    expect(mesh.calls).toEqual(['retryRuns dry']);
    const none = await yardmaster(meshWith(0), many);
    expect(none).toMatchObject({ code: 0, out: '' });
    expect(none.err).toBe('no run that FAILED or TIMED_OUT fits. next: yardmaster runs list --status failed\n');
  });

  test('needs to know which: a run or options, and not both', async () => {
    for (const wrong of [
      'runs retry',
      `${many} ${RUN_ID}`,
      `runs retry ${RUN_ID} --dry-run`,
      `${many} --request-id r`,
    ]) {
      const mesh = meshWith(1);
      expect(await yardmaster(mesh, wrong), wrong).toMatchObject({ code: 2, out: '' });
      expect(mesh.calls).toEqual([]);
    }
  });
});

describe('runs rerun', () => {
  test('types the parameters that change by the version that will run', async () => {
    const mesh = new FakeMesh();
    const line = `runs rerun ${RUN_ID} -p table=7 -p limit=7 --detach`;
    expect(await yardmaster(mesh, line)).toMatchObject({ code: 0, out: `${NEXT_ID}\n` });
    await yardmaster(mesh, `${line} --latest`);
    expect(mesh.calls.filter((call) => call.startsWith('getWorkflow'))).toEqual([
      'getWorkflow Nightly v3',
      'getWorkflow Nightly v0',
    ]);
    const [same, latest] = mesh.reruns;
    expect(same?.parameters && toJson(ValueSchema, same.parameters)).toEqual({ table: '7', limit: 7 });
    expect([same?.latest, latest?.latest]).toEqual([false, true]);
  });

  test('without parameters changes none', async () => {
    const mesh = new FakeMesh();
    mesh.finish();
    const { code, err } = await yardmaster(mesh, `runs rerun ${RUN_ID}`);
    expect(code).toBe(0);
    expect(err).toContain('run 1d50aa61 is a rerun of 9c41e7b2\n');
    expect(mesh.reruns[0]?.parameters).toBeUndefined();
  });
});

test('the end of a failed run names the retry', async () => {
  const mesh = new FakeMesh();
  mesh.run = { ...mesh.run, status: RunStatus.FAILED };
  const { out } = await yardmaster(mesh, `runs get ${RUN_ID}`);
  expect(out).toContain('next: yardmaster runs retry e7b2   (goes on from the steps that failed)');
});
