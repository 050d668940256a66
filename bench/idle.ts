/** 1,000 idle instances, each on a connection of its own: what a quiet fleet costs the control plane. */
import { startAgent, startMesh } from './mesh.ts';

export interface IdleFigures {
  readonly databaseWrites: number;
  /** Share of one core. */
  readonly cpuCores: number;
  readonly bytesPerAgent: number;
}

const AGENTS = 1_000;
/** Long enough for every agent to beat several times, and for the rows of their arrival to be written. */
const SETTLE_MS = 5_000;

export async function measureIdle(seconds: number): Promise<IdleFigures> {
  const mesh = await startMesh();
  // The first connection loads code and fills caches that are not an agent's.
  const warm = await startAgent('idle-agents.ts', [mesh.url, '20']);
  await pause(SETTLE_MS);
  const before = await mesh.figures();
  const agents = await startAgent('idle-agents.ts', [mesh.url, String(AGENTS)]);
  try {
    await pause(SETTLE_MS);
    const settled = await mesh.figures();
    const from = performance.now();
    await pause(seconds * 1_000);
    const after = await mesh.figures();
    const elapsedUs = (performance.now() - from) * 1_000;
    return {
      databaseWrites: after.commits - settled.commits,
      cpuCores: (after.cpuBeforeUs - settled.cpuAfterUs) / elapsedUs,
      bytesPerAgent: (settled.rss - before.rss) / AGENTS,
    };
  } finally {
    agents.stop();
    warm.stop();
    await mesh.close();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
