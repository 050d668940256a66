/** Waits until drained instances have gone, and says what they still have. */
import type { AgentView, InstanceView, OperatedAgent } from '../client/index.ts';
import { type Context, say } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { plural, safe } from './render/text.ts';

/** Answers with the exit code. */
export async function waitUntilDrained(context: Context, agentId: string, drained: OperatedAgent): Promise<number> {
  const ids = new Set(drained.instances.map(({ instanceId }) => instanceId));
  let told = '';
  for await (const agents of context.mesh().watchAgents(context.signal)) {
    const left = leftOf(agents, agentId, ids);
    if (left.length === 0) {
      say(context, `agent ${safe(agentId)}: drained`);
      return exitCodes.ok;
    }
    const kept = left.filter(({ cordon }) => cordon?.drain !== true);
    if (kept.length > 0) {
      say(
        context,
        `agent ${safe(agentId)}: no longer draining: ${tailsOf(kept)}. next: yardmaster agents get ${agentId}`,
      );
      return exitCodes.refused;
    }
    const text = `agent ${safe(agentId)}: waits for ${left.map(heldText).join(', ')}`;
    if (text !== told) say(context, text);
    told = text;
  }
  say(context, `agent ${safe(agentId)}: still draining. next: yardmaster agents get ${agentId}`);
  return exitCodes.stillOpen;
}

function leftOf(agents: readonly AgentView[], agentId: string, ids: ReadonlySet<string>): readonly InstanceView[] {
  const instances = agents.find((agent) => agent.agentId === agentId)?.instances ?? [];
  return instances.filter(({ instanceId, status }) => ids.has(instanceId) && status !== 'LOST');
}

function heldText({ instanceId, slotsUsed, status }: InstanceView): string {
  const away = status === 'UNREACHABLE' ? ', out of reach' : '';
  return `${safe(instanceId).slice(-4)} (${plural(slotsUsed, 'attempt')}${away})`;
}

function tailsOf(instances: readonly InstanceView[]): string {
  return instances.map(({ instanceId }) => safe(instanceId).slice(-4)).join(', ');
}
