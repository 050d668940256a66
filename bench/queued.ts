/**
 * 100,000 runs that wait for their turn, on SQLite: the heap of each, how long the control plane takes to start after kill -9, and how
 * soon the next run is at an agent when one ends. The last is the agent's own time, from the return of one handler to the start of
 * the next on its only slot: the report, the commit of the end, the journal of the next run, the commit of its start, the frame.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Orchestrator } from 'yardmaster/client';
import { type Mesh, startAgent, startMesh } from './mesh.ts';
import { percentile } from './percentile.ts';

export interface QueuedFigures {
  /** From the start of the process to its word that it is ready. */
  readonly restartMs: number;
  readonly restartEmptyMs: number;
  readonly bytesPerRun: number;
  readonly nextP50Ms: number;
  readonly nextP99Ms: number;
}

const RUNS = 100_000;
const SAMPLES = 1_000;
/** Their ends are left out: the program is still cold. */
const WARM_UP = 200;

const workflow = { name: 'Single', concurrency: 1, steps: [{ id: 'only', action: 'single' }] };

export async function measureQueued(): Promise<QueuedFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'yardmaster-bench-'));
  try {
    let mesh = await startMesh(folder);
    await mesh.client.registerWorkflow(workflow);
    // The active one, and some for the tables that grow once.
    await runsOf(mesh.client, 1_001);
    const restartEmptyMs = (await restart(mesh, folder, (next) => (mesh = next))).ms;
    const before = await mesh.figures();
    await runsOf(mesh.client, RUNS - 1_000);
    const after = await mesh.figures();
    const restartMs = (await restart(mesh, folder, (next) => (mesh = next))).ms;
    const gaps = await gapsOf(mesh.url);
    await mesh.close();
    return {
      restartMs,
      restartEmptyMs,
      bytesPerRun: (after.heap - before.heap) / (RUNS - 1_000),
      nextP50Ms: percentile(gaps, 0.5),
      nextP99Ms: percentile(gaps, 0.99),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function restart(mesh: Mesh, folder: string, use: (mesh: Mesh) => void): Promise<{ readonly ms: number }> {
  await mesh.kill();
  const startedAt = performance.now();
  use(await startMesh(folder));
  return { ms: performance.now() - startedAt };
}

async function runsOf(client: Orchestrator, count: number): Promise<void> {
  const WAVE = 100;
  for (let started = 0; started < count; started += WAVE) {
    const size = Math.min(WAVE, count - started);
    await Promise.all(Array.from({ length: size }, () => client.api.runs.startRun({ workflow: workflow.name })));
  }
}

async function gapsOf(url: string): Promise<readonly number[]> {
  const agent = await startAgent('single-slot-agent.ts', [url, 'any-run']);
  for (let gaps: number[] = []; ; ) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const answer = await agent.ask<{ gaps: number[] }>('gaps');
    gaps = [...gaps, ...answer.gaps];
    if (gaps.length < SAMPLES + WARM_UP) continue;
    await agent.kill();
    return gaps.slice(WARM_UP);
  }
}
