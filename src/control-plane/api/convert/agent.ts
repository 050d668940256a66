/** Agents, their instances and what they offer, as FleetService shows them. */
import { create, equals, type MessageInitShape } from '@bufbuild/protobuf';
import compareVersions from 'semver/functions/compare.js';
import valid from 'semver/functions/valid.js';
import {
  type Agent,
  AgentSchema,
  AgentStatus,
  type CordonSchema,
  type Instance,
  InstanceSchema,
} from '../../../gen/yardmaster/v1/agent_pb.ts';
import { type CapabilityOffer, CapabilityOfferSchema } from '../../../gen/yardmaster/v1/fleet_service_pb.ts';
import type { Capability } from '../../registry/frames.ts';
import type { AgentView, Cordon, InstanceView } from '../../runtime/control-plane.ts';
import type { AgentEventRow } from '../../store/port.ts';
import { writeCapability } from './capability.ts';
import { writeDuration, writeTime } from './times.ts';

export function writeAgent(view: AgentView, events: readonly AgentEventRow[] = []): Agent {
  return create(AgentSchema, {
    agentId: view.agentId,
    status: AgentStatus[view.status],
    instances: view.instances.map(writeInstance),
    events: events.map(({ at, instanceId, kind, message }) => ({ time: writeTime(at), instanceId, kind, message })),
  });
}

export function writeInstance(view: InstanceView): Instance {
  return create(InstanceSchema, {
    instanceId: view.instanceId,
    place: view.place,
    status: AgentStatus[view.status],
    slots: view.slots,
    slotsUsed: view.slotsUsed,
    load: view.load,
    ...(view.rttMs >= 0 && { rtt: writeDuration(view.rttMs) }),
    sdk: { ...view.sdk },
    capabilities: view.capabilities.map(writeCapability),
    attemptIds: [...view.attemptIds],
    connectTime: writeTime(view.connectedAt),
    lastSeenTime: writeTime(view.lastSeenAt),
    labels: { ...view.labels },
    manual: view.isManual,
    refusedCapabilities: view.refused.map((refused) => ({ ...refused })),
    ...(view.cordon !== undefined && { cordon: writeCordon(view.cordon) }),
  });
}

function writeCordon({ actor, at, reason, isDrain }: Cordon): MessageInitShape<typeof CordonSchema> {
  return { actor, time: writeTime(at), reason, drain: isDrain };
}

/** True when nothing but the time of the last frame differs: every beat would be a change otherwise. */
export function isSameAgent(left: Agent, right: Agent): boolean {
  return equals(AgentSchema, withoutTimes(left), withoutTimes(right));
}

function withoutTimes(agent: Agent): Agent {
  return { ...agent, instances: agent.instances.map(({ lastSeenTime: _, ...rest }) => rest) };
}

interface Offered {
  readonly capability: Capability;
  readonly instance: InstanceView;
}

/** Every capability in every version that a connected instance offers: by name, then by version, newest first. */
export function writeOffers(agents: readonly AgentView[]): readonly CapabilityOffer[] {
  const groups = new Map<string, Offered[]>();
  for (const instance of agents.flatMap((agent) => agent.instances)) {
    if (instance.status === 'UNREACHABLE' || instance.status === 'LOST') continue;
    for (const capability of instance.capabilities) {
      const key = `${capability.name}@${capability.version}`;
      const group = groups.get(key) ?? [];
      groups.set(key, group);
      group.push({ capability, instance });
    }
  }
  return [...groups.values()]
    .flatMap((group) => writeOffer(group) ?? [])
    .sort((a, b) => compareKeys(keyOf(a), keyOf(b)));
}

function writeOffer(group: readonly Offered[]): CapabilityOffer | undefined {
  const [first] = group.toSorted((a, b) => a.instance.connectedAt - b.instance.connectedAt);
  if (first === undefined) return undefined;
  return create(CapabilityOfferSchema, {
    capability: writeCapability(first.capability),
    agentIds: [...new Set(group.map(({ instance }) => instance.agentId))].sort(),
    instances: group.length,
    readyInstances: group.filter(({ instance }) => instance.status === 'READY').length,
    clash: group.some(({ capability }) => !hasSameSchemas(capability, first.capability)),
  });
}

function hasSameSchemas(left: Capability, right: Capability): boolean {
  return isSameBytes(left.inputSchema, right.inputSchema) && isSameBytes(left.outputSchema, right.outputSchema);
}

function isSameBytes(left: Uint8Array | undefined, right: Uint8Array | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  return Buffer.compare(left, right) === 0;
}

/** What pages go by: `name@version`. */
export function keyOf({ capability }: CapabilityOffer): string {
  return `${capability?.name ?? ''}@${capability?.version ?? ''}`;
}

/** By name, then by version, newest first. */
export function compareKeys(left: string, right: string): number {
  const [leftName = '', leftVersion = ''] = left.split('@');
  const [rightName = '', rightVersion = ''] = right.split('@');
  if (leftName !== rightName) return leftName < rightName ? -1 : 1;
  return compareVersions(valid(rightVersion) ?? '0.0.0', valid(leftVersion) ?? '0.0.0');
}
