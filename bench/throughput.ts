/** Ceilings of this machine, and chains and fan-outs over one agent process with many slots: what the way of a step costs. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Ceilings, measureEcho, timeFdatasyncs } from './ceilings.ts';
import { runOnce, startAgent, startMesh } from './mesh.ts';
import { percentile } from './percentile.ts';

export interface ThroughputFigures {
  readonly ceilings: Ceilings;
  readonly chain1: { readonly stepP50Us: number; readonly stepP99Us: number };
  readonly chain64: { readonly stepsPerSecond: number };
  readonly fanout8: { readonly stepsPerSecond: number };
}

const CHAIN = 10;
const FAN = 100;
const ROUNDS = 5;
/** From the change of load to the first run that counts. */
const SETTLE_SECONDS = 1;
/** V8 goes on compiling the hot code of all processes for this long under each load: a control plane that runs for days is compiled. */
const WARM_UP_SECONDS = 20;
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

/**
 * Loads and ceilings take turns, because the pace of a machine changes within a minute and ratios shall not.
 * `seconds` of each load in all.
 */
export async function measureThroughput(seconds: number): Promise<ThroughputFigures> {
  const mesh = await startMesh();
  const agent = await startAgent('echo-agent.ts', [mesh.url, '1000']);
  const share = seconds / ROUNDS;
  const load = (workflow: string, clients: number, forSeconds: number): Promise<Load> =>
    drive(() => runOnce(mesh.client, workflow), clients, forSeconds);
  const rounds: Round[] = [];
  try {
    await mesh.client.registerWorkflow(chain);
    await mesh.client.registerWorkflow(fan);
    await load('Fan', 8, WARM_UP_SECONDS);
    await load('Chain', 64, WARM_UP_SECONDS);
    await load('Chain', 1, WARM_UP_SECONDS);
    for (let round = 0; round < ROUNDS; round++) {
      rounds.push({
        fdatasyncUs: timeFdatasyncs(),
        echoPerSecond: await measureEcho(share),
        single: await load('Chain', 1, share),
        many: await load('Chain', 64, share),
        wide: await load('Fan', 8, share),
      });
    }
  } finally {
    agent.stop();
    await mesh.close();
  }
  return summarize(rounds);
}

interface Round {
  readonly fdatasyncUs: readonly number[];
  readonly echoPerSecond: number;
  readonly single: Load;
  readonly many: Load;
  readonly wide: Load;
}

function summarize(rounds: readonly Round[]): ThroughputFigures {
  const median = (values: readonly number[]): number => percentile(values, 0.5);
  const stepUs = rounds.flatMap(({ single }) => single.runMs.map((ms) => (ms * 1_000) / CHAIN));
  return {
    ceilings: {
      fdatasyncP50Us: median(rounds.flatMap(({ fdatasyncUs }) => fdatasyncUs)),
      echoPerSecond: median(rounds.map(({ echoPerSecond }) => echoPerSecond)),
    },
    chain1: { stepP50Us: median(stepUs), stepP99Us: percentile(stepUs, 0.99) },
    chain64: { stepsPerSecond: median(rounds.map(({ many }) => many.runsPerSecond * CHAIN)) },
    fanout8: { stepsPerSecond: median(rounds.map(({ wide }) => wide.runsPerSecond * FAN)) },
  };
}

interface Load {
  readonly runsPerSecond: number;
  readonly runMs: readonly number[];
}

/** Clients begin one after the other: else their runs would start and end together for ever, and wait for each other. */
async function drive(run: () => Promise<void>, clients: number, seconds: number): Promise<Load> {
  const runMs: number[] = [];
  const countFrom = performance.now() + SETTLE_SECONDS * 1_000;
  const endAt = countFrom + seconds * 1_000;
  const client = async (_: unknown, index: number): Promise<void> => {
    await pause((index / clients) * (SETTLE_SECONDS / 2) * 1_000);
    while (performance.now() < endAt) {
      const from = performance.now();
      await run();
      const now = performance.now();
      if (now >= countFrom && now < endAt) runMs.push(now - from);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return { runsPerSecond: runMs.length / seconds, runMs };
}
