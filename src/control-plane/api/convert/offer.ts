/** The directory: what is on offer in every version, by whom, and where instances disagree. */
import { create } from '@bufbuild/protobuf';
import compareVersions from 'semver/functions/compare.js';
import valid from 'semver/functions/valid.js';
import type { Capability as WireCapability } from '../../../gen/yardmaster/v1/capability_pb.ts';
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

/** Of one offer. */
const CLASHING_MAX = 10;
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

/** What the others state, each kind once; the same in another order is no clash. */
function clashingWith(first: Capability, group: readonly Offered[]): ClashingSchemas[] {
  const base = writeCapability(first);
  return kindsBeside(first, group).flatMap(({ capability, by }) => {
    const own = writeCapability(capability);
    const { inputSchema, outputSchema } = own;
    const differences: string[] = [];
    for (const difference of schemaDifferences(base, own)) if (differences.push(difference) === DIFFERENCES_MAX) break;
    if (differences.length === 0) return [];
    return create(ClashingSchemasSchema, {
      ...(inputSchema !== undefined && { inputSchema }),
      ...(outputSchema !== undefined && { outputSchema }),
      agentIds: agentsOf(by),
      instances: by.length,
      differences,
    });
  });
}

function* schemaDifferences(left: WireCapability, right: WireCapability): Generator<string> {
  yield* differencesOf(left.inputSchema, right.inputSchema, 'input');
  yield* differencesOf(left.outputSchema, right.outputSchema, 'output');
}

interface Kind {
  readonly capability: Capability;
  readonly by: Offered[];
}

/** Not all of them, where every instance states something else. */
function kindsBeside(first: Capability, group: readonly Offered[]): readonly Kind[] {
  const kinds: Kind[] = [];
  for (const offered of group) {
    const { capability } = offered;
    if (hasSameSchemas(capability, first)) continue;
    const kind = kinds.find((known) => hasSameSchemas(known.capability, capability));
    if (kind !== undefined) kind.by.push(offered);
    else if (kinds.length < CLASHING_MAX) kinds.push({ capability, by: [offered] });
  }
  return kinds;
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
