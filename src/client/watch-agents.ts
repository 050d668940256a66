/** The fleet, kept up to date from its changes and begun anew after every cut. */
import { createBackoff } from './backoff.ts';
import { toAgent } from './convert/fleet.ts';
import { isCut } from './errors.ts';
import type { MeshApi } from './mesh-api.ts';
import type { AgentView } from './views.ts';

/** `onCut` is called before it begins anew. */
export async function* watchAgents(
  api: MeshApi,
  signal: AbortSignal,
  onCut: () => void = () => {},
): AsyncGenerator<readonly AgentView[]> {
  const backoff = createBackoff();
  for (;;) {
    const agents = new Map<string, AgentView>();
    try {
      for await (const change of api.fleet.watchAgents({}, { signal })) {
        backoff.reset();
        for (const agent of change.agents) agents.set(agent.agentId, toAgent(agent));
        for (const agentId of change.removedAgentIds) agents.delete(agentId);
        yield [...agents.values()].sort((a, b) => (a.agentId < b.agentId ? -1 : 1));
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!isCut(error)) throw error;
    }
    if (signal.aborted) return;
    onCut();
    await backoff.pause(signal);
  }
}
