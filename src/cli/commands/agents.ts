import type { Command } from 'commander';
import { collectPages, toAgent } from '../../client/index.ts';
import { type Context, listOptions } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { fetchAgent } from '../fetch-agent.ts';
import { printItem, printList } from '../print.ts';
import { renderAgent } from '../render/details.ts';
import { renderAgents } from '../render/lists.ts';
import { addCardCommand } from './agent-card.ts';
import { addCheckCommand } from './check-agent.ts';
import { addFakeCommand } from './fake-agent.ts';
import type { Bind } from './group.ts';
import { addLabelCommand } from './label-agent.ts';
import { addOperateCommands } from './operate-agents.ts';

export function addAgentsCommands(program: Command, bind: Bind): void {
  const agents = program.command('agents').description('who is connected, and what they do');
  agents.command('list').description('all agents').action(bind(listAgents));
  agents.command('get <agent>').description('its instances, attempts and last events').action(bind(getAgent));
  addOperateCommands(agents, bind);
  addLabelCommand(agents, bind);
  addCardCommand(agents, bind);
  addCheckCommand(agents, bind);
  addFakeCommand(agents, bind);
}

async function listAgents(context: Context): Promise<number> {
  const messages = await collectPages(Number.POSITIVE_INFINITY, async (page) => {
    const { agents, nextPageToken } = await context.api().fleet.listAgents(page);
    return { items: agents, nextPageToken };
  });
  printList(context, {
    key: 'agents',
    messages,
    nameOf: ({ agentId }) => agentId,
    text: () => renderAgents(messages.map(toAgent), listOptions(context)),
    empty: 'no agent is connected. next: start one, with the address of this control plane',
  });
  return exitCodes.ok;
}

async function getAgent(context: Context, agentId: string): Promise<number> {
  const agent = await fetchAgent(context, agentId);
  printItem(context, {
    message: agent,
    name: agent.agentId,
    text: () => renderAgent(toAgent(agent), listOptions(context)),
  });
  return exitCodes.ok;
}
