/** The fleet and the catalogue, kept up to date from their changes and begun anew after every cut. */
import { compareText } from '../core/sorted-list.ts';
import { createBackoff } from './backoff.ts';
import { toAgent } from './convert/fleet.ts';
import { toWorkflow } from './convert/workflow.ts';
import { isCut } from './errors.ts';
import type { MeshApi } from './mesh-api.ts';
import type { AgentView, WorkflowView } from './views.ts';

/** By id. `onCut` is called before it begins anew. */
export function watchAgents(
  api: MeshApi,
  signal: AbortSignal,
  onCut: () => void = () => {},
): AsyncGenerator<readonly AgentView[]> {
  return watchList({
    open: () => api.fleet.watchAgents({}, { signal }),
    apply: (list, { agents, removedAgentIds }) => {
      for (const agent of agents) list.set(agent.agentId, toAgent(agent));
      for (const agentId of removedAgentIds) list.delete(agentId);
      return true;
    },
    signal,
    onCut,
  });
}

/** The newest version of each, by name; the first time when all of them were told. `onCut` is called before it begins anew. */
export function watchWorkflows(
  api: MeshApi,
  signal: AbortSignal,
  onCut: () => void = () => {},
): AsyncGenerator<readonly WorkflowView[]> {
  return watchList({
    open: () => api.workflows.watchWorkflows({}, { signal }),
    apply: (list, { workflows, complete }) => {
      for (const workflow of workflows) list.set(workflow.name, toWorkflow(workflow));
      return complete;
    },
    signal,
    onCut,
  });
}

interface Watched<Told, View> {
  /** A new stream, which begins with everything. */
  readonly open: () => AsyncIterable<Told>;
  /** Takes a change in, by the key that the list is ordered by; false: not everything was told yet. */
  readonly apply: (list: Map<string, View>, change: Told) => boolean;
  readonly signal: AbortSignal;
  readonly onCut: () => void;
}

async function* watchList<Told, View>(watched: Watched<Told, View>): AsyncGenerator<readonly View[]> {
  const { signal } = watched;
  const backoff = createBackoff();
  for (;;) {
    const list = new Map<string, View>();
    try {
      for await (const change of watched.open()) {
        backoff.reset();
        if (watched.apply(list, change)) yield inOrder(list);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!isCut(error)) throw error;
    }
    if (signal.aborted) return;
    watched.onCut();
    await backoff.pause(signal);
  }
}

function inOrder<View>(list: ReadonlyMap<string, View>): View[] {
  return [...list].sort(([left], [right]) => compareText(left, right)).map(([, view]) => view);
}
