/** The directory: what is on offer in every version, by whom, and where instances disagree. */
import { create } from '@bufbuild/protobuf';
import compareVersions from 'semver/functions/compare.js';
import valid from 'semver/functions/valid.js';
import {
  type CapabilityOffer,
  CapabilityOfferSchema,
  type ClashingSchemas,
  ClashingSchemasSchema,
} from '../../../gen/yardmaster/v1/fleet_service_pb.ts';
import type { Capability } from '../../registry/frames.ts';
import type { AgentView, InstanceView } from '../../runtime/control-plane.ts';
import { writeCapability } from './capability.ts';
import { differencesOf } from './differences.ts';

const DIFFERENCES_MAX = 20;

interface Offered {
  readonly capability: Capability;
  readonly instance: InstanceView;
}

/** Why no value is checked by schemas of a capability. */
type Unchecked = (capability: Capability) => readonly string[];

/** Every capability in every version that a connected instance offers: by name, then by version, newest first. */
export function writeOffers(agents: readonly AgentView[], uncheckedOf: Unchecked): readonly CapabilityOffer[] {
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
    .flatMap((group) => writeOffer(group, uncheckedOf) ?? [])
    .sort((a, b) => compareKeys(keyOf(a), keyOf(b)));
}

function writeOffer(group: readonly Offered[], uncheckedOf: Unchecked): CapabilityOffer | undefined {
  const [first] = group.toSorted((a, b) => a.instance.connectedAt - b.instance.connectedAt);
  if (first === undefined) return undefined;
  const clashing = clashingWith(first.capability, group);
  return create(CapabilityOfferSchema, {
    capability: writeCapability(first.capability),
    agentIds: agentsOf(group),
    instances: group.length,
    readyInstances: group.filter(({ instance }) => instance.status === 'READY').length,
    clash: clashing.length > 0,
    clashing,
    unchecked: [...uncheckedOf(first.capability)],
  });
}

/** What the others state, each kind once. */
function clashingWith(first: Capability, group: readonly Offered[]): ClashingSchemas[] {
  const kinds: Offered[][] = [];
  for (const offered of group) {
    if (hasSameSchemas(offered.capability, first)) continue;
    const kind = kinds.find(([known]) => known !== undefined && hasSameSchemas(known.capability, offered.capability));
    if (kind === undefined) kinds.push([offered]);
    else kind.push(offered);
  }
  const base = writeCapability(first);
  return kinds.flatMap((kind) => {
    const [one] = kind;
    if (one === undefined) return [];
    const { inputSchema, outputSchema } = writeCapability(one.capability);
    const differences = [
      ...differencesOf(base.inputSchema, inputSchema, 'input'),
      ...differencesOf(base.outputSchema, outputSchema, 'output'),
    ];
    return create(ClashingSchemasSchema, {
      ...(inputSchema !== undefined && { inputSchema }),
      ...(outputSchema !== undefined && { outputSchema }),
      agentIds: agentsOf(kind),
      instances: kind.length,
      differences: differences.slice(0, DIFFERENCES_MAX),
    });
  });
}

function agentsOf(group: readonly Offered[]): string[] {
  return [...new Set(group.map(({ instance }) => instance.agentId))].sort();
}

/** Every word is in what an offer says of itself, in any case. */
export function isFound({ capability, agentIds }: CapabilityOffer, search: string): boolean {
  if (capability === undefined) return false;
  const { name, version, description, labels } = capability;
  const pairs = Object.entries(labels).map(([label, value]) => `${label}=${value}`);
  const text = [name, version, description, ...pairs, ...agentIds].join('\n').toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
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
