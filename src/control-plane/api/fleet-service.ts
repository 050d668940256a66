import type { ServiceImpl } from '@connectrpc/connect';
import { limits } from '../../core/limits.ts';
import type { Agent } from '../../gen/yardmaster/v1/agent_pb.ts';
import type { FleetService } from '../../gen/yardmaster/v1/fleet_service_pb.ts';
import type { ControlPlane } from '../runtime/control-plane.ts';
import { createAgentLabelling } from './agent-labelling.ts';
import { isSameAgent, writeAgent } from './convert/agent.ts';
import { compareKeys, isFound, keyOf, writeOffers } from './convert/offer.ts';
import { cutPage, readPage } from './convert/paging.ts';
import { readName } from './convert/text.ts';
import { createFleetOperations } from './fleet-operations.ts';
import { NAMESPACE, readRequest } from './requests.ts';

export interface FleetServiceOptions {
  readonly controlPlane: Pick<
    ControlPlane,
    'listAgents' | 'getAgent' | 'watchAgents' | 'operateAgents' | 'labelAgent' | 'uncheckedSchemas' | 'noteRefusal'
  >;
}

export function createFleetService({ controlPlane }: FleetServiceOptions): ServiceImpl<typeof FleetService> {
  return {
    ...createFleetOperations(controlPlane),
    ...createAgentLabelling(controlPlane),

    listAgents(request) {
      const { after, limit } = readRequest('list agents', (faults) => readPage(faults, request));
      const rest = controlPlane.listAgents(NAMESPACE).filter(({ agentId }) => agentId > after);
      const { items, nextPageToken } = cutPage(rest, limit, ({ agentId }) => agentId);
      return { agents: items.map((agent) => writeAgent(agent)), nextPageToken };
    },

    async getAgent({ agentId }) {
      readRequest('get an agent', (faults) => readName(faults, 'agent_id', agentId));
      const { events, ...agent } = await controlPlane.getAgent(NAMESPACE, agentId);
      return { agent: writeAgent(agent, events) };
    },

    async *watchAgents(_, { signal }) {
      let shown: ReadonlyMap<string, Agent> | undefined;
      for await (const views of controlPlane.watchAgents(NAMESPACE, signal)) {
        const now = new Map(views.map((view) => [view.agentId, writeAgent(view)]));
        const agents = [...now.values()].filter((agent) => isNews(shown, agent));
        const removedAgentIds = [...(shown?.keys() ?? [])].filter((agentId) => !now.has(agentId));
        if (shown === undefined || agents.length > 0 || removedAgentIds.length > 0) yield { agents, removedAgentIds };
        shown = now;
      }
    },

    listCapabilities(request) {
      const search = request.search.trim();
      const { after, limit } = readRequest('list capabilities', (faults) => {
        if (search.length > limits.searchCharsMax)
          faults.add('search', `has ${search.length} characters; at most ${limits.searchCharsMax}`);
        return readPage(faults, request);
      });
      const all = writeOffers(controlPlane.listAgents(NAMESPACE), (it) => controlPlane.uncheckedSchemas(it));
      const offers = search === '' ? all : all.filter((offer) => isFound(offer, search));
      const rest = after === '' ? offers : offers.filter((offer) => compareKeys(keyOf(offer), after) > 0);
      const { items, nextPageToken } = cutPage(rest, limit, keyOf);
      return { offers: [...items], nextPageToken };
    },
  };
}

function isNews(shown: ReadonlyMap<string, Agent> | undefined, agent: Agent): boolean {
  const before = shown?.get(agent.agentId);
  return before === undefined || !isSameAgent(before, agent);
}
