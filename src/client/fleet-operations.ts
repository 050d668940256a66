/** Takes instances of agents out of service, and back. */
import type { Instance } from '../gen/yardmaster/v1/agent_pb.ts';
import { toInstance } from './convert/fleet.ts';
import type { InstanceView } from './views.ts';

export interface OperateAgentOptions {
  /** One instance: its id, or at least 4 characters of its end. Default: all that are there now. */
  readonly instanceId?: string;
  /** For the audit log and the agent's events. */
  readonly reason?: string;
}

export interface DrainAgentOptions extends OperateAgentOptions {
  /** Where its instances go when they hold nothing any more, as `host:port` of other control planes. Default: nowhere, they end. */
  readonly addresses?: readonly string[];
}

/** What became of a call. */
export interface OperatedAgent {
  /** The instances that were meant, as they are now. */
  readonly instances: readonly InstanceView[];
  /** Of those: for which it was not so before. Empty: the call changed nothing. */
  readonly changedInstanceIds: readonly string[];
}

/** The answer of each of the calls. */
interface WireAnswer {
  readonly instances: readonly Instance[];
  readonly changedInstanceIds: readonly string[];
}

export function writeOperation(
  agentId: string,
  { instanceId = '', reason = '' }: OperateAgentOptions,
): { readonly agentId: string; readonly instanceId: string; readonly reason: string } {
  return { agentId, instanceId, reason };
}

export function toOperated({ instances, changedInstanceIds }: WireAnswer): OperatedAgent {
  return { instances: instances.map(toInstance), changedInstanceIds };
}
