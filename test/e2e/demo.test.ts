/** The main job: `yardmaster demo`, in processes of its own, from the sources. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { DemoResult } from '../../src/demo/result.ts';

const CLI = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function runDemo(...args: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, ['--conditions=source', CLI, 'demo', ...args]);
  const exited = once(child, 'exit');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await exited;
  return { code, stdout, stderr };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('yardmaster demo --json', () => {
  test('runs the workflow, kills an agent, moves its step and prints one object that says so', async () => {
    const { code, stdout, stderr } = await runDemo('--json');
    expect(code, stderr).toBe(0);
    const result: DemoResult = JSON.parse(stdout);
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
    rmSync(dirname(dirname(report)), { recursive: true });
  });
});

function historyOf({ steps }: DemoResult): readonly string[] {
  return steps.flatMap(({ path, attempts }) =>
    attempts.map(({ number, outcome, agent }) => `${path}#${number} ${outcome} ${agent}`),
  );
}
