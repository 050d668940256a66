/** Agents, their instances and what they offer, as FleetService shows them. */
import { create, equals, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type Agent,
  AgentSchema,
  AgentStatus,
  type CordonSchema,
  type Instance,
  InstanceSchema,
} from '../../../gen/yardmaster/v1/agent_pb.ts';
import type { AgentView, Cordon, InstanceView } from '../../runtime/control-plane.ts';
import type { AgentEventRow } from '../../store/port.ts';
import { writeCapability } from './capability.ts';
import { writeDuration, writeTime } from './times.ts';

export function writeAgent(view: AgentView, events: readonly AgentEventRow[] = []): Agent {
  return create(AgentSchema, {
    agentId: view.agentId,
    status: AgentStatus[view.status],
    instances: view.instances.map(writeInstance),
    operatorLabels: { ...view.operatorLabels },
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
    overriddenLabels: { ...view.overriddenLabels },
    manual: view.isManual,
    refusedCapabilities: view.refused.map((refused) => ({ ...refused })),
    ...(view.cordon !== undefined && { cordon: writeCordon(view.cordon) }),
  });
}

function writeCordon({ actor, at, reason, isDrain, addresses = [] }: Cordon): MessageInitShape<typeof CordonSchema> {
  return { actor, time: writeTime(at), reason, drain: isDrain, addresses: [...addresses] };
}

/** True when nothing but the time of the last frame differs: every beat would be a change otherwise. */
export function isSameAgent(left: Agent, right: Agent): boolean {
  return equals(AgentSchema, withoutTimes(left), withoutTimes(right));
}

function withoutTimes(agent: Agent): Agent {
  return { ...agent, instances: agent.instances.map(({ lastSeenTime: _, ...rest }) => rest) };
}
