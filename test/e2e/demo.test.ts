/** The main job: `yardmaster demo`, in processes of its own, from the sources. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { Orchestrator } from '../../src/client/index.ts';
import type { DemoResult } from '../../src/demo/result.ts';

const CLI = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

function startDemo(...args: readonly string[]): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(process.execPath, ['--conditions=source', CLI, 'demo', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
}

type Demo = ReturnType<typeof startDemo>;

/** Reads until `pattern` matches what was read; answers the match. */
async function readUntil(demo: Demo, name: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpExecArray> {
  let said = '';
  for await (const chunk of demo[name].iterator({ destroyOnReturn: false })) {
    said += chunk;
    const match = pattern.exec(said);
    if (match !== null) return match;
  }
  throw new Error(`${name} ended without ${pattern}: ${said}${demo.stderr.read() ?? ''}`);
}

/** Of the agents of a mesh; the agents say it in a label. */
async function listPids(address: string): Promise<readonly number[]> {
  await using mesh = new Orchestrator({ url: `http://${address}` });
  await mesh.ready();
  return mesh
    .listAgents()
    .flatMap(({ instances }) => instances.filter(({ status }) => status === 'READY'))
    .map(({ labels }) => Number(labels.pid));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('yardmaster demo --keep --json runs the workflow, kills an agent, moves its step, says so, and leaves the mesh up', async () => {
  const child = startDemo('--keep', '--json');
  const exited = once(child, 'exit');
  const [line = ''] = await readUntil(child, 'stdout', /.*\n/);
  const result: DemoResult = JSON.parse(line);
  expect(result).toMatchObject({
    ok: true,
    run: { status: 'COMPLETED' },
    killed: { agent: 'data-transformer', step: 'transform-data', attempt: 1 },
    rerouted: { step: 'transform-data', attempt: 2, fromInstance: result.killed?.instance },
    rows: { in: 13_376, clean: 9_976, out: 9_976 },
    notifications: 1,
  });
  expect(Object.keys(result)).toEqual([
    'ok',
    'run',
    'killed',
    'rerouted',
    'steps',
    'rows',
    'artifacts',
    'notifications',
  ]);
  expect(result.rerouted?.toInstance).not.toBe(result.killed?.instance);
  expect(historyOf(result)).toEqual([
    'extract-db1#1 COMPLETED db-extractor',
    'extract-db2#1 COMPLETED db-extractor',
    'extract-api#1 COMPLETED api-extractor',
    'clean-data#1 COMPLETED data-cleaner',
    'transform-data#1 LOST data-transformer',
    'transform-data#2 COMPLETED data-transformer',
    'generate-report#1 COMPLETED report-generator',
    'update-dashboard#1 COMPLETED dashboard-updater',
    'send-notifications#1 COMPLETED notifier',
  ]);
  const [report = '', dashboard = ''] = result.artifacts;
  expect(readFileSync(report, 'utf8')).toContain('Bird strikes in the United States');
  expect(existsSync(dashboard)).toBe(true);
  expect(isAlive(result.killed?.pid ?? 0)).toBe(false);

  const [, address = ''] = await readUntil(child, 'stderr', /the mesh is up at (\S+);/);
  const pids = await listPids(address);
  expect(pids).toHaveLength(8);
  await using mesh = new Orchestrator({ url: `http://${address}` });
  expect((await mesh.getRun(result.run.id)).status).toBe('COMPLETED');
  child.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
  expect(pids.filter(isAlive)).toEqual([]);
  rmSync(dirname(dirname(report)), { recursive: true });
});

test('Ctrl-C in the middle of the run ends everything that the demo started, and answers 130', async () => {
  const child = startDemo();
  const exited = once(child, 'exit');
  const [, address = ''] = await readUntil(child, 'stdout', /control plane (127\.0\.0\.1:\d+), 9 agent processes/);
  const pids = await listPids(address);
  child.kill('SIGINT');
  expect(await exited).toEqual([130, null]);
  expect(pids).toHaveLength(9);
  expect(pids.filter(isAlive)).toEqual([]);
});

function historyOf({ steps }: DemoResult): readonly string[] {
  return steps.flatMap(({ path, attempts }) =>
    attempts.map(({ number, outcome, agent }) => `${path}#${number} ${outcome} ${agent}`),
  );
}
