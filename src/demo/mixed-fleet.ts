/** Two processes of each example agent. Which instance is which is known because those of a language start one after the other. */
import type { Orchestrator } from '../client/index.ts';
import { YardmasterError } from '../core/errors.ts';
import type { AgentProcess } from './agents.ts';
import type { Fleet } from './fleet.ts';
import type { Example } from './mixed-examples.ts';
import type { Processes } from './processes.ts';

const REPLICAS = 2;

export interface MixedFleetOptions {
  readonly processes: Processes;
  readonly mesh: Orchestrator;
  readonly url: string;
  readonly signal: AbortSignal;
}

/** Resolves when all of them are connected. */
export async function startMixedFleet(examples: readonly Example[], options: MixedFleetOptions): Promise<Fleet> {
  const fleet = new Map<string, AgentProcess>();
  await Promise.all(examples.map((example) => startLanguage(example, options, fleet)));
  return fleet;
}

async function startLanguage(
  { language, agentId, folder, start }: Example,
  { processes, mesh, url, signal }: MixedFleetOptions,
  fleet: Map<string, AgentProcess>,
): Promise<void> {
  for (let replica = 1; replica <= REPLICAS; replica++) {
    const name = `${language} ${replica}`;
    const child = processes.spawnShell({ name, command: start, cwd: folder, env: { YARDMASTER_URL: url } });
    const arrived = awaitNewcomer(mesh, agentId, fleet, signal);
    const instance = await Promise.race([arrived, processes.watch(signal, child.pid)]);
    fleet.set(instance, { name: child.name, pid: child.pid, agent: language, replica });
  }
}

async function awaitNewcomer(mesh: Orchestrator, agentId: string, known: Fleet, signal: AbortSignal): Promise<string> {
  for await (const views of mesh.watchAgents(signal)) {
    const instances = views.filter((view) => view.agentId === agentId).flatMap((view) => view.instances);
    const found = instances.find(({ instanceId, status }) => status === 'READY' && !known.has(instanceId));
    if (found !== undefined) return found.instanceId;
  }
  throw new YardmasterError('DEMO_FAILED', `Cannot start ${agentId}: it did not connect`);
}
