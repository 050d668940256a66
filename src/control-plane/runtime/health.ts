/** The health names of docs/protocol.md: '' may take new work, each service, each agent, instance and capability. */
import type { Fleet } from '../registry/fleet.ts';
import { acceptsWork } from '../registry/instance.ts';

export const SERVICES: readonly string[] = [
  'AgentService',
  'WorkflowService',
  'RunService',
  'FleetService',
  'BlobService',
  'MeshService',
].map((name) => `yardmaster.v1.${name}`);

/** Undefined: no such name. */
export function healthOf(
  name: string,
  fleet: Fleet,
  isServing: boolean,
  lostAgents: ReadonlySet<string>,
): boolean | undefined {
  if (name === '' || SERVICES.includes(name)) return isServing;
  const [kind, id, instanceId] = name.split('/');
  if (kind === 'agent' && id !== undefined) return agentHealth(fleet, id, instanceId, lostAgents);
  if (kind === 'capability' && id !== undefined && instanceId === undefined) return capabilityHealth(fleet, id);
  return undefined;
}

function agentHealth(
  fleet: Fleet,
  agentId: string,
  instanceId: string | undefined,
  lost: ReadonlySet<string>,
): boolean | undefined {
  let isKnown = instanceId === undefined && lost.has(agentId);
  for (const instance of fleet.instances.values()) {
    if (instance.agentId !== agentId || (instanceId !== undefined && instance.instanceId !== instanceId)) continue;
    if (acceptsWork(instance)) return true;
    isKnown = true;
  }
  return isKnown ? false : undefined;
}

function capabilityHealth(fleet: Fleet, name: string): boolean | undefined {
  let isKnown = false;
  for (const instance of fleet.instances.values()) {
    if (!instance.state.capabilities.some((capability) => capability.name === name)) continue;
    if (acceptsWork(instance)) return true;
    isKnown = true;
  }
  return isKnown ? false : undefined;
}
