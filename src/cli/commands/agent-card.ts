/** `agents card`: an agent as other ecosystems describe theirs. */
import type { Command } from 'commander';
import { toAgent } from '../../client/index.ts';
import { YardmasterError } from '../../core/errors.ts';
import { type Gateway, writeAgentCard } from '../agent-card.ts';
import { type Context, say } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { fetchAgent } from '../fetch-agent.ts';
import { usageError } from '../options.ts';
import { printJson } from '../print.ts';
import { safe } from '../render/text.ts';
import type { Bind } from './group.ts';

interface Flags {
  readonly gateway?: string;
  readonly binding: string;
}

export function addCardCommand(agents: Command, bind: Bind): void {
  agents
    .command('card <agent>')
    .description('its A2A agent card: what it can do, for clients of that protocol')
    .option('--gateway <url>', 'where somebody speaks A2A for it; Yardmaster does not')
    .option('--binding <name>', 'of the gateway: JSONRPC, GRPC, HTTP+JSON or a URI', 'JSONRPC')
    .action(bind(writeCard));
}

async function writeCard(context: Context, agentId: string, flags: Flags): Promise<number> {
  const gateway = readGateway(flags);
  const card = writeAgentCard(toAgent(await fetchAgent(context, agentId)), gateway);
  if (card === undefined)
    throw new YardmasterError(
      'CAPABILITY_NOT_FOUND',
      `Cannot write a card of agent "${agentId}": nothing of it is connected that offers anything`,
      { next: `yardmaster agents get ${agentId}` },
    );
  printJson(context, card);
  if (gateway === undefined)
    say(context, `no client can call ${safe(agentId)} by this card: supportedInterfaces is empty without --gateway`);
  return exitCodes.ok;
}

function readGateway({ gateway, binding }: Flags): Gateway | undefined {
  if (gateway === undefined) return undefined;
  if (!URL.canParse(gateway)) throw usageError(`Cannot read the gateway "${gateway}": it is not a whole URL`);
  return { url: gateway, binding };
}
