/** `agents card`: an agent as other ecosystems describe theirs. */
import type { Command } from 'commander';
import { toAgent } from '../../client/index.ts';
import { YardmasterError } from '../../core/errors.ts';
import { type Gateway, writeAgentCard } from '../agent-card.ts';
import { type Context, say } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { fetchAgent } from '../fetch-agent.ts';
import { refuseAll } from '../options.ts';
import { printJson } from '../print.ts';
import { safe } from '../render/text.ts';
import type { Bind } from './group.ts';

interface Flags {
  readonly gateway?: string;
  readonly binding?: string;
}

/** Those that the specification names. */
const BINDINGS = ['JSONRPC', 'GRPC', 'HTTP+JSON'];

export function addCardCommand(agents: Command, bind: Bind): void {
  agents
    .command('card <agent>')
    .description('its A2A agent card: what it can do, for clients of that protocol')
    .option('--gateway <url>', 'where somebody speaks A2A for it; Yardmaster does not')
    .option('--binding <name>', 'of the gateway: JSONRPC, GRPC, HTTP+JSON or a URI; default JSONRPC')
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
  const isKnown = binding === undefined || BINDINGS.includes(binding) || URL.canParse(binding);
  refuseAll([
    ...(gateway === undefined || URL.canParse(gateway)
      ? []
      : [`Cannot read the gateway "${gateway}": it is not a whole URL, such as https://a2a.example.com/loader`]),
    ...(isKnown ? [] : [`Cannot read the binding "${binding}": it is not ${BINDINGS.join(', ')}, nor a URI`]),
    ...(gateway === undefined && binding !== undefined
      ? ['Cannot write a binding without a gateway: name it with --gateway']
      : []),
  ]);
  return gateway === undefined ? undefined : { url: gateway, binding: binding ?? 'JSONRPC' };
}
