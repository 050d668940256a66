/** Labels that an operator gives to an agent. */
import { AgentNotFoundError } from '../core/orchestrator-errors.ts';
import type { LabelAgentResponse } from '../gen/yardmaster/v1/fleet_service_pb.ts';
import { toAgent } from './convert/fleet.ts';
import type { AgentView } from './views.ts';

export interface LabelAgentOptions {
  /** New, or instead of others with the same key. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Keys to take away: what instances claim for them holds again. */
  readonly removed?: readonly string[];
  /** For the audit log and the agent's events. */
  readonly reason?: string;
}

export interface LabelledAgent {
  /** As it is now, without its events. */
  readonly agent: AgentView;
  /** False: it was so before. */
  readonly changed: boolean;
}

export function writeLabelling(agentId: string, { labels = {}, removed = [], reason = '' }: LabelAgentOptions) {
  return { agentId, labels: { ...labels }, removed: [...removed], reason };
}

export function toLabelled(agentId: string, { agent, changed }: LabelAgentResponse): LabelledAgent {
  if (agent === undefined) throw new AgentNotFoundError(agentId);
  return { agent: toAgent(agent), changed };
}
