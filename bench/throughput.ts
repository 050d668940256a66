/** Chains and fan-outs over one agent process with many slots: what the way of a step costs. */
import { type Mesh, runOnce, startAgent, startMesh } from './mesh.ts';
import { percentile } from './percentile.ts';

export interface ThroughputFigures {
  readonly chain1: { readonly stepP50Us: number; readonly stepP99Us: number };
  readonly chain64: { readonly stepsPerSecond: number };
  readonly fanout8: { readonly stepsPerSecond: number };
}

const CHAIN = 10;
const FAN = 100;
/** V8 goes on compiling the hot code of all processes for this long under each load: a control plane that runs for days is compiled. */
const WARM_UP_SECONDS = 8;
const TEXT = 'x'.repeat(200);

const chain = {
  name: 'Chain',
  steps: Array.from({ length: CHAIN }, (_, i) => ({
    id: `s${i}`,
    action: 'echo',
    parameters: i === 0 ? { text: TEXT } : `\${{ steps.s${i - 1}.output }}`,
  })),
};
const fan = {
  name: 'Fan',
  steps: [
    {
      id: 'all',
      type: 'parallel',
      steps: Array.from({ length: FAN }, (_, i) => ({ id: `f${i}`, action: 'echo', parameters: { text: TEXT } })),
    },
  ],
};

export async function measureThroughput(seconds: number): Promise<ThroughputFigures> {
  const mesh = await startMesh();
  const agent = await startAgent('echo-agent.ts', [mesh.url, '1000']);
  try {
    await mesh.client.registerWorkflow(chain);
    await mesh.client.registerWorkflow(fan);
    const load = (workflow: string, clients: number, forSeconds: number): Promise<Load> =>
      drive(() => runOnce(mesh.client, workflow), clients, forSeconds);
    await load('Chain', 1, WARM_UP_SECONDS);
    const single = await load('Chain', 1, seconds);
    await load('Chain', 64, WARM_UP_SECONDS);
    const many = await priced(mesh, () => load('Chain', 64, seconds), CHAIN);
    await load('Fan', 8, WARM_UP_SECONDS);
    const wide = await priced(mesh, () => load('Fan', 8, seconds), FAN);
    const perStep = single.runMs.map((ms) => (ms * 1_000) / CHAIN);
    return {
      chain1: { stepP50Us: percentile(perStep, 0.5), stepP99Us: percentile(perStep, 0.99) },
      chain64: { stepsPerSecond: many.runsPerSecond * CHAIN },
      fanout8: { stepsPerSecond: wide.runsPerSecond * FAN },
    };
  } finally {
    agent.stop();
    await mesh.close();
  }
}

/** Says on stderr what a step costs the control plane in CPU time of all its threads: less noisy than the clock. */
async function priced(mesh: Mesh, run: () => Promise<Load>, stepsPerRun: number): Promise<Load> {
  const before = await mesh.figures();
  const load = await run();
  const after = await mesh.figures();
  const perStep = (after.cpuBeforeUs - before.cpuAfterUs) / (load.runMs.length * stepsPerRun);
  process.stderr.write(`  control plane: ${perStep.toFixed(1)} us of CPU per step\n`);
  return load;
}

interface Load {
  readonly runsPerSecond: number;
  readonly runMs: readonly number[];
}

async function drive(run: () => Promise<void>, clients: number, seconds: number): Promise<Load> {
  const runMs: number[] = [];
  const startedAt = performance.now();
  const endAt = startedAt + seconds * 1_000;
  const client = async (): Promise<void> => {
    while (performance.now() < endAt) {
      const from = performance.now();
      await run();
      runMs.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return { runsPerSecond: runMs.length / ((performance.now() - startedAt) / 1_000), runMs };
}
