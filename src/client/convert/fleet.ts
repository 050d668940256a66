/** Agents and capabilities from the wire. */
import type { Agent, Cordon, Instance } from '../../gen/yardmaster/v1/agent_pb.ts';
import type { Capability } from '../../gen/yardmaster/v1/capability_pb.ts';
import type { CapabilityOffer } from '../../gen/yardmaster/v1/fleet_service_pb.ts';
import { readAgentStatus } from '../statuses.ts';
import type { AgentView, CapabilityOfferView, CapabilityView, CordonView, InstanceView } from '../views.ts';
import { toDate, toMs } from './wire.ts';

export function toAgent(agent: Agent): AgentView {
  return {
    agentId: agent.agentId,
    id: agent.agentId,
    name: agent.agentId,
    status: readAgentStatus(agent.status),
    instances: agent.instances.map(toInstance),
    operatorLabels: agent.operatorLabels,
    events: agent.events.map((event) => ({
      time: toDate(event.time),
      instanceId: event.instanceId,
      kind: event.kind,
      message: event.message,
    })),
  };
}

export function toInstance(instance: Instance): InstanceView {
  return {
    instanceId: instance.instanceId,
    place: instance.place,
    status: readAgentStatus(instance.status),
    slots: instance.slots,
    slotsUsed: instance.slotsUsed,
    load: instance.load,
    rttMs: toMs(instance.rtt),
    sdk: {
      name: instance.sdk?.name ?? '',
      version: instance.sdk?.version ?? '',
      language: instance.sdk?.language ?? '',
    },
    capabilities: instance.capabilities.map(toCapability),
    attemptIds: instance.attemptIds,
    connectTime: toDate(instance.connectTime),
    lastSeenTime: toDate(instance.lastSeenTime),
    labels: instance.labels,
    overriddenLabels: instance.overriddenLabels,
    isManual: instance.manual,
    refusedCapabilities: instance.refusedCapabilities.map(({ name, version, reason }) => ({ name, version, reason })),
    cordon: toCordon(instance.cordon),
  };
}

function toCordon(cordon: Cordon | undefined): CordonView | undefined {
  if (cordon === undefined) return undefined;
  const { actor, time, reason, drain, addresses } = cordon;
  return { actor, time: toDate(time), reason, drain, addresses };
}

function toCapability(capability: Capability): CapabilityView {
  return {
    name: capability.name,
    version: capability.version,
    description: capability.description,
    idempotent: capability.idempotent,
    labels: capability.labels,
    inputSchema: capability.inputSchema,
    outputSchema: capability.outputSchema,
  };
}

export function toOffer(offer: CapabilityOffer): CapabilityOfferView | undefined {
  if (offer.capability === undefined) return undefined;
  return {
    capability: toCapability(offer.capability),
    agentIds: offer.agentIds,
    instances: offer.instances,
    readyInstances: offer.readyInstances,
    clash: offer.clash,
    unchecked: offer.unchecked,
    clashing: offer.clashing.map(({ inputSchema, outputSchema, agentIds, instances, differences }) => ({
      inputSchema,
      outputSchema,
      agentIds,
      instances,
      differences,
    })),
  };
}
