/**
 * 500 instances of agents in five languages: how long they take to connect, what they cost while they are idle, and a burst of work that has
 * something for every slot.
 *
 * The instances are the example agents of examples/agents with their own sessions and handlers, each on a connection of its own;
 * several share a process, because 500 interpreters would measure the machine. Those in Rust are small enough for a process each,
 * and those in Go and Java that share a process have one agent id. Nothing here knows more of the examples than their settings and
 * how they begin, so that they can be written anew. Two cores carry everything: the control plane, the
 * agents and the client, so times say how all of them together fare, while CPU and memory are the control plane's alone.
 */
import { type FleetLanguage, type FleetProcess, prepare, startFleet } from './fleet/languages.ts';
import { type Mesh, startMesh } from './mesh.ts';
import { percentile } from './percentile.ts';

interface Part {
  readonly language: FleetLanguage;
  readonly processes: number;
  readonly instancesEach: number;
}

const MIX: readonly Part[] = [
  { language: 'typescript', processes: 3, instancesEach: 50 },
  { language: 'python', processes: 2, instancesEach: 50 },
  { language: 'go', processes: 2, instancesEach: 50 },
  { language: 'java', processes: 2, instancesEach: 50 },
  { language: 'rust', processes: 1, instancesEach: 50 },
];
const SLOTS = 4;
const AGENTS = MIX.reduce((sum, { processes, instancesEach }) => sum + processes * instancesEach, 0);
const CONNECT_MS_MAX = 120_000;
/** For beats to find their pace, and for the rows of their arrival to be written. */
const SETTLE_MS = 5_000;
/** Longer than it takes to give out all, so that no slot can be used twice before every agent has work. */
const STEP_MS = 2_000;

export interface FleetFigures {
  readonly agents: number;
  readonly mix: readonly Part[];
  /** From the first Hello to the last agent that was ready. */
  readonly connectMs: number;
  readonly idle: {
    readonly seconds: number;
    /** Of the control plane: share of one core. */
    readonly cpuCores: number;
    readonly databaseWrites: number;
  };
  /** Resident memory of the control plane. */
  readonly bytesPerAgent: number;
  readonly burst: {
    readonly steps: number;
    /** How long each works. */
    readonly stepMs: number;
    /** From the start of the run to its end. */
    readonly ms: number;
    /** From the first start of an attempt to the last: everything is given out. */
    readonly givenOutMs: number;
    readonly instancesUsed: number;
    readonly stepsBy: Readonly<Record<string, number>>;
    /** What an attempt took beyond its work, from its lease to its result on the disk. */
    readonly overheadP50Ms: Readonly<Record<string, number>>;
  };
}

/** What the control plane's process answers to `fleet`. */
export interface FleetSeen {
  readonly ready: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** Throws FleetUnbuildable when a language cannot be built here. */
export async function measureFleet(idleSeconds: number): Promise<FleetFigures> {
  const programs = MIX.map((part) => ({ ...part, program: prepare(part.language) }));
  const mesh = await startMesh();
  const processes: FleetProcess[] = [];
  try {
    for (const { language, processes: count, instancesEach, program } of programs) {
      for (let i = 0; i < count; i++) {
        const order = { url: mesh.url, name: `${language}-${i}`, instances: instancesEach, slots: SLOTS };
        processes.push(await startFleet(program, order));
      }
    }
    const before = await mesh.figures();
    for (const process of processes) process.dial();
    const connectMs = await connected(mesh);
    await pause(SETTLE_MS);
    const settled = await mesh.figures();
    const from = performance.now();
    await pause(idleSeconds * 1_000);
    const after = await mesh.figures();
    const elapsedUs = (performance.now() - from) * 1_000;
    return {
      agents: AGENTS,
      mix: MIX,
      connectMs,
      idle: {
        seconds: idleSeconds,
        cpuCores: (after.cpuBeforeUs - settled.cpuAfterUs) / elapsedUs,
        databaseWrites: after.commits - settled.commits,
      },
      bytesPerAgent: (settled.rss - before.rss) / AGENTS,
      burst: await measureBurst(mesh),
    };
  } finally {
    await Promise.all(processes.map((process) => process.end()));
    await mesh.close();
  }
}

async function connected(mesh: Mesh): Promise<number> {
  const deadline = performance.now() + CONNECT_MS_MAX;
  for (;;) {
    const { ready, firstAt, lastAt } = await mesh.ask<FleetSeen>('fleet');
    if (ready === AGENTS) return lastAt - firstAt;
    if (performance.now() > deadline) throw new Error(`only ${ready} of ${AGENTS} agents were ready in two minutes`);
    await pause(100);
  }
}

const workflow = {
  name: 'Burst',
  steps: [
    {
      id: 'all',
      type: 'map',
      items: '${{ params.items }}',
      concurrency: AGENTS * SLOTS,
      step: { id: 'one', action: 'count', parameters: { to: 1, delayMs: STEP_MS } },
    },
  ],
};

async function measureBurst({ client }: Mesh): Promise<FleetFigures['burst']> {
  await client.registerWorkflow(workflow);
  const items = Array.from({ length: AGENTS * SLOTS }, (_, i) => i);
  const from = performance.now();
  const run = await client.startWorkflow(workflow.name, { items });
  const { status, error } = await run.result();
  const ms = performance.now() - from;
  if (status !== 'COMPLETED') throw new Error(`the burst ended ${status}: ${error?.message}`);
  const starts = new Map<string, { readonly at: number; readonly instance: string }>();
  const overheads = new Map<string, number[]>();
  for await (const event of run.events()) {
    if (event.type === 'attemptStarted') starts.set(event.step, { at: event.time.getTime(), instance: event.instance });
    if (event.type !== 'attemptEnded') continue;
    const [language = ''] = event.agent.split('-');
    const overheadMs = event.time.getTime() - (starts.get(event.step)?.at ?? Number.NaN) - STEP_MS;
    overheads.set(language, [...(overheads.get(language) ?? []), overheadMs]);
  }
  const startedAt = [...starts.values()].map(({ at }) => at);
  return {
    steps: items.length,
    stepMs: STEP_MS,
    ms,
    givenOutMs: Math.max(...startedAt) - Math.min(...startedAt),
    instancesUsed: new Set([...starts.values()].map(({ instance }) => instance)).size,
    stepsBy: Object.fromEntries([...overheads].map(([language, list]) => [language, list.length])),
    overheadP50Ms: Object.fromEntries([...overheads].map(([language, list]) => [language, percentile(list, 0.5)])),
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
