/** Which process is behind which instance. The example agents say their pid in a label. */
import type { AgentView, Orchestrator } from '../client/index.ts';
import { YardmasterError } from '../core/errors.ts';
import type { AgentProcess } from './agents.ts';

/** By instance id. */
export type Fleet = ReadonlyMap<string, AgentProcess>;

/** Resolves when every process of `agents` is connected and takes work. */
export async function awaitFleet(
  mesh: Orchestrator,
  agents: readonly AgentProcess[],
  signal: AbortSignal,
): Promise<Fleet> {
  for await (const views of mesh.watchAgents(signal)) {
    const fleet = fleetOf(views, agents);
    if (fleet.size === agents.length) return fleet;
  }
  throw new YardmasterError('DEMO_FAILED', 'Cannot start the agents: not all of them connected');
}

function fleetOf(views: readonly AgentView[], agents: readonly AgentProcess[]): Fleet {
  const byPid = new Map(agents.map((agent) => [`${agent.pid}`, agent]));
  const fleet = new Map<string, AgentProcess>();
  for (const instance of views.flatMap((view) => view.instances)) {
    const agent = byPid.get(instance.labels.pid ?? '');
    if (agent !== undefined && instance.status === 'READY') fleet.set(instance.instanceId, agent);
  }
  return fleet;
}

/** `data-transformer/2`, as the lines of the demo say it. */
export function nameOf(fleet: Fleet, instance: string): string {
  const agent = fleet.get(instance);
  return agent === undefined ? instance : `${agent.agent}/${agent.replica}`;
}
