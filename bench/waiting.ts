/**
 * 100,000 waiting steps: the heap of each, and whether a freed slot finds its next step as fast as when one waits. The time
 * is the agent's own, from the return of one handler to the start of the next on its only slot.
 */
import type { Orchestrator } from 'yardmaster/client';
import { runOnce, startAgent, startMesh } from './mesh.ts';
import { percentile } from './percentile.ts';

export interface WaitingFigures {
  readonly bytesPerStep: number;
  readonly cycleRatio: number;
}

const RUNS = 1_000;
const STEPS = 100;
const SAMPLES = 1_000;

const crowd = { name: 'Crowd', steps: [{ id: 'all', type: 'parallel', steps: single(STEPS) }] };
const pair = { name: 'Pair', steps: [{ id: 'all', type: 'parallel', steps: single(2) }] };

function single(count: number): readonly { readonly id: string; readonly action: string }[] {
  return Array.from({ length: count }, (_, i) => ({ id: `s${i}`, action: 'single' }));
}

export async function measureWaiting(): Promise<WaitingFigures> {
  const mesh = await startMesh();
  try {
    await mesh.client.registerWorkflow(crowd);
    await mesh.client.registerWorkflow(pair);
    const one = await cycleWithOne(mesh.client, mesh.url);
    await runsOf(mesh.client, 20);
    const before = await mesh.figures();
    await runsOf(mesh.client, RUNS);
    const after = await mesh.figures();
    const many = await cycleWithMany(mesh.url);
    return { bytesPerStep: (after.heap - before.heap) / (RUNS * STEPS), cycleRatio: many / one };
  } finally {
    await mesh.close();
  }
}

async function runsOf(client: Orchestrator, count: number): Promise<void> {
  const WAVE = 20;
  for (let started = 0; started < count; started += WAVE) {
    await Promise.all(
      Array.from({ length: Math.min(WAVE, count - started) }, () => client.api.runs.startRun({ workflow: 'Crowd' })),
    );
  }
}

/** Two steps and one slot: the second is the only one that waits. */
async function cycleWithOne(client: Orchestrator, url: string): Promise<number> {
  const agent = await startAgent('single-slot-agent.ts', [url]);
  for (let i = 0; i < 300; i++) await runOnce(client, 'Pair');
  await agent.ask('gaps');
  for (let i = 0; i < SAMPLES; i++) await runOnce(client, 'Pair');
  const { gaps } = await agent.ask<{ gaps: number[] }>('gaps');
  await agent.kill();
  return percentile(gaps, 0.5);
}

async function cycleWithMany(url: string): Promise<number> {
  const agent = await startAgent('single-slot-agent.ts', [url, 'any-run']);
  for (let gaps: number[] = []; ; ) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const answer = await agent.ask<{ gaps: number[] }>('gaps');
    gaps = [...gaps, ...answer.gaps];
    if (gaps.length < SAMPLES + 300) continue;
    await agent.kill();
    return percentile(gaps.slice(300), 0.5);
  }
}
