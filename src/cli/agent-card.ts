/**
 * An agent as a card of the A2A protocol (Agent2Agent, version 1.0): https://a2a-protocol.org/latest/specification
 * Its capabilities are the skills. What a card must say and no agent states is said in the plainest way that is true.
 */
import { compare } from 'semver';
import type { AgentView, CapabilityView } from '../client/index.ts';

/** Of the interfaces in a card. */
const PROTOCOL_VERSION = '1.0';
const JSON_MEDIA = ['application/json'];

/** Member names and their order are those of the specification. Types, not interfaces: they are JSON. */
export type AgentCard = {
  readonly name: string;
  readonly description: string;
  readonly supportedInterfaces: readonly AgentInterface[];
  readonly version: string;
  /** Streaming and push are matters of the interface, which is not ours: nothing is promised. */
  readonly capabilities: Readonly<Record<string, never>>;
  readonly defaultInputModes: readonly string[];
  readonly defaultOutputModes: readonly string[];
  readonly skills: readonly AgentSkill[];
};

export type AgentInterface = {
  readonly url: string;
  readonly protocolBinding: string;
  readonly protocolVersion: string;
};

export type AgentSkill = {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
};

/** Where somebody speaks A2A for the agent. */
export interface Gateway {
  readonly url: string;
  readonly binding: string;
}

/** Undefined: the agent offers nothing now. */
export function writeAgentCard(agent: AgentView, gateway: Gateway | undefined): AgentCard | undefined {
  const offered = offeredBy(agent);
  const versions = offered.map(({ version }) => version || '0.0.0').sort(compare);
  const newest = versions.at(-1);
  if (newest === undefined) return undefined;
  const names = [...new Set(offered.map(({ name }) => name))];
  return {
    name: agent.agentId,
    description: `Offers ${names.join(', ')}`,
    supportedInterfaces:
      gateway === undefined
        ? []
        : [{ url: gateway.url, protocolBinding: gateway.binding, protocolVersion: PROTOCOL_VERSION }],
    version: newest,
    capabilities: {},
    defaultInputModes: JSON_MEDIA,
    defaultOutputModes: JSON_MEDIA,
    skills: offered.map((capability) => skillOf(capability, offered)),
  };
}

/** Each capability in each version once, by name, the newest first. */
function offeredBy({ instances }: AgentView): readonly CapabilityView[] {
  const found = new Map<string, CapabilityView>();
  const connected = instances.filter(({ status }) => status !== 'UNREACHABLE' && status !== 'LOST');
  for (const capability of connected.flatMap(({ capabilities }) => capabilities)) {
    const key = `${capability.name}@${capability.version}`;
    if (!found.has(key)) found.set(key, capability);
  }
  return [...found.values()].sort(
    (a, b) => Number(a.name > b.name) - Number(a.name < b.name) || compare(b.version || '0.0.0', a.version || '0.0.0'),
  );
}

function skillOf(
  { name, version, description, idempotent, labels }: CapabilityView,
  all: readonly CapabilityView[],
): AgentSkill {
  const isOnly = all.filter((other) => other.name === name).length === 1;
  const facts = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return {
    id: isOnly ? name : `${name}@${version || '0.0.0'}`,
    name,
    description: description || `Does "${name}"`,
    tags: [name, ...facts.sort(), ...(idempotent ? ['idempotent'] : [])],
  };
}
