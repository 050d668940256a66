/** Finding runs and cancelling many of them. */
import { create } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { createRouterTransport } from '@connectrpc/connect';
import { describe, expect, test } from 'vitest';
import { Orchestrator } from '../../../src/client/index.ts';
import { RunSchema, RunStatus } from '../../../src/gen/yardmaster/v1/run_pb.ts';
import { FakeMesh, RUN_ID } from '../client/fake-mesh.ts';
import { type Ran, runCommand, type Setting } from './capture.ts';

const NOW = Date.UTC(2026, 10, 24, 12);

function yardmaster(mesh: FakeMesh, line: string, setting: Setting = {}): Promise<Ran> {
  const connect = (): Orchestrator => new Orchestrator({ transport: createRouterTransport(mesh.routes) });
  return runCommand(line.split(' '), { ...setting, connect, now: () => NOW });
}

function meshWith(count: number): FakeMesh {
  const mesh = new FakeMesh();
  mesh.listed = Array.from({ length: count }, (_, i) =>
    create(RunSchema, {
      runId: `${RUN_ID.slice(0, -2)}${String(i).padStart(2, '0')}`,
      workflow: 'Nightly',
      workflowVersion: 3,
      status: RunStatus.RUNNING,
      createTime: timestampFromMs(NOW - 90_000),
      labels: { team: 'data' },
    }),
  );
  return mesh;
}

describe('runs list', () => {
  test('asks for what every option says', async () => {
    const mesh = meshWith(1);
    const line =
      'runs list --workflow Nightly --status failed --status timed-out --label team=data --label env=a=b ' +
      '--since 1h --until 2026-11-24T11:30Z --failure-code UPSTREAM_DOWN';
    const { code, out } = await yardmaster(mesh, line);
    expect(code).toBe(0);
    expect(`\n${out}`).toBe(`
RUN       WORKFLOW    STATUS   STEPS  AGE  TOOK    ERROR
9c41e700  Nightly v3  RUNNING  -      2m   1m 30s  -
`);
    const [filter] = mesh.filters;
    expect(filter).toMatchObject({
      workflow: 'Nightly',
      statuses: [RunStatus.FAILED, RunStatus.TIMED_OUT],
      labels: { team: 'data', env: 'a=b' },
      failureCode: 'UPSTREAM_DOWN',
    });
    const times = [filter?.createdAfter, filter?.createdBefore].map((time) => time && timestampMs(time));
    expect(times).toEqual([NOW - 3_600_000, NOW - 1_800_000]);
  });

  test('says that nothing fits, or that there is nothing', async () => {
    expect((await yardmaster(meshWith(0), 'runs list --label a=b')).err).toBe(
      'no run fits. next: yardmaster runs list\n',
    );
    expect((await yardmaster(meshWith(0), 'runs list')).err).toContain('no run. next: yardmaster run FILE.yaml');
  });

  test('refuses what it cannot read, with what would do', async () => {
    for (const [line, fact] of [
      ['--status FALED', 'did you mean FAILED?'],
      ['--label team', 'not like key=value'],
      ['--since yesterday', 'not like 30m, 2d, 2026-11-24 or 2026-11-24T12:00Z'],
    ] as const) {
      const { code, err } = await yardmaster(meshWith(0), `runs list ${line}`);
      expect(code).toBe(2);
      expect(err).toContain(fact);
    }
  });
});

describe('runs cancel with options', () => {
  const line = 'runs cancel --workflow Nightly --label team=data';

  test('--dry-run says what would go, and nothing goes', async () => {
    const mesh = meshWith(7);
    const { code, out, err } = await yardmaster(mesh, `${line} --dry-run`, { answer: 'y' });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(`\n${out}`).toBe(`
7 runs would be cancelled
  9c41e700 9c41e701 9c41e702 9c41e703 9c41e704 and 2 more
`);
    expect(mesh.calls).toEqual(['cancelRuns dry']);
    expect(mesh.filters).toMatchObject([{ workflow: 'Nightly', labels: { team: 'data' } }]);
  });

  test('asks a person first, who may say no', async () => {
    const mesh = meshWith(2);
    const no = await yardmaster(mesh, line, { answer: '' });
    expect(no).toMatchObject({ code: 1, out: '' });
    expect(`\n${no.err}`).toBe(`
  9c41e700 9c41e701
cancel 2 runs? [y/N] nothing was cancelled
`);
    expect(mesh.calls).toEqual(['cancelRuns dry']);
    const yes = await yardmaster(mesh, line, { answer: 'y' });
    expect(yes).toMatchObject({ code: 0, out: '2 runs cancelled\n  9c41e700 9c41e701\n' });
    expect(mesh.calls).toEqual(['cancelRuns dry', 'cancelRuns dry', 'cancelRuns']);
  });

  test('does not ask with --yes, nor where nobody can answer', async () => {
    for (const [more, setting] of [
      [' --yes', { answer: 'n' }],
      ['', {}],
    ] as const) {
      const mesh = meshWith(1);
      expect((await yardmaster(mesh, `${line}${more}`, setting)).code).toBe(0);
      expect(mesh.calls).toEqual(['cancelRuns']);
    }
  });

  test('tells apart what was too late', async () => {
    const mesh = meshWith(3);
    mesh.late = 1;
    expect((await yardmaster(mesh, `${line} --yes`)).out).toContain(
      '2 runs cancelled, 1 run had its end decided before\n',
    );
  });

  test('is done, with a word on stderr, when nothing fits', async () => {
    const { code, out, err } = await yardmaster(meshWith(0), line, { answer: 'y' });
    expect({ code, out }).toEqual({ code: 0, out: '' });
    expect(err).toBe('no run that is QUEUED or RUNNING fits. next: yardmaster runs list\n');
  });

  test('JSON is that of the proto, names are the ids', async () => {
    const { out } = await yardmaster(meshWith(2), `${line} --dry-run -o json`);
    expect(JSON.parse(out)).toMatchObject({ matched: 2, runIds: [`${RUN_ID.slice(0, -2)}00`, expect.any(String)] });
    const names = await yardmaster(meshWith(2), `${line} --dry-run -o name`);
    expect(names.out.split('\n')).toEqual([...meshWith(2).listed.map(({ runId }) => runId), '']);
  });

  test('an answer that ends early is no answer', async () => {
    const mesh = meshWith(4);
    mesh.cuts = [1];
    const { code, err } = await yardmaster(mesh, `${line} --yes`);
    expect(code).toBe(6);
    expect(err).toContain('next: repeat the call');
  });

  test('needs to know which: a run or options, and not both', async () => {
    for (const wrong of [
      'runs cancel',
      'runs cancel --dry-run',
      `${line} ${RUN_ID}`,
      `runs cancel ${RUN_ID} --dry-run`,
    ]) {
      const mesh = meshWith(1);
      expect(await yardmaster(mesh, wrong), wrong).toMatchObject({ code: 2, out: '' });
      expect(mesh.calls).toEqual([]);
    }
  });
});
