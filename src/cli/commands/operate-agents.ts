/** `agents drain`, `cordon`, `uncordon` and `disconnect`. */
import type { Message } from '@bufbuild/protobuf';
import type { Command } from 'commander';
import { type OperatedAgent, toOperated } from '../../client/index.ts';
import { type Context, say } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { collect } from '../options.ts';
import { isForPeople, printItem } from '../print.ts';
import { safe } from '../render/text.ts';
import { waitUntilDrained } from '../wait-drained.ts';
import type { Bind } from './group.ts';

type Operation = 'drain' | 'cordon' | 'uncordon' | 'disconnect';

interface Flags {
  readonly reason?: string;
  readonly wait?: boolean;
  readonly to?: readonly string[];
}

/** What is said of instances that it was done to. */
const DONE: Readonly<Record<Operation, string>> = {
  drain: 'draining',
  cordon: 'cordoned',
  uncordon: 'uncordoned',
  disconnect: 'disconnected',
};

export function addOperateCommands(agents: Command, bind: Bind): void {
  const add = (operation: Operation, description: string): Command =>
    agents
      .command(operation)
      .argument('<agent>', 'its id, or ID/INSTANCE: 4 characters of the end of an instance are enough')
      .option('--reason <text>', 'kept in the audit log and the events of the agent')
      .description(description)
      .action(bind((context, agent: string, flags: Flags) => operate(context, operation, agent, flags)));
  add('drain', 'no new work, and away with it when what it has is done')
    .option('--wait', 'until it has gone; --timeout limits it')
    .option('--to <host:port>', 'another control plane where it goes then; may be repeated', collect, []);
  add('cordon', 'no new work; what it has goes on');
  add('uncordon', 'take a cordon or a drain back');
  add('disconnect', 'end its streams now; it may come back');
}

async function operate(context: Context, operation: Operation, reference: string, flags: Flags): Promise<number> {
  const { agentId, instanceId } = readReference(reference);
  const request = { agentId, instanceId, reason: flags.reason ?? '', addresses: [...(flags.to ?? [])] };
  const message = await call(context, operation, request);
  const answer = toOperated(message);
  if (!isForPeople(context)) printItem(context, { message, name: reference, text: () => '' });
  say(context, `${told(operation, agentId, answer)}. next: yardmaster agents get ${safe(agentId)}`);
  if (flags.wait !== true) return exitCodes.ok;
  return waitUntilDrained(context, agentId, answer);
}

function call(
  context: Context,
  operation: Operation,
  {
    addresses,
    ...request
  }: {
    readonly agentId: string;
    readonly instanceId: string;
    readonly reason: string;
    readonly addresses: string[];
  },
): Promise<Message & Parameters<typeof toOperated>[0]> {
  const { fleet } = context.api();
  switch (operation) {
    case 'drain':
      return fleet.drainAgent({ ...request, addresses });
    case 'cordon':
      return fleet.cordonAgent(request);
    case 'uncordon':
      return fleet.uncordonAgent(request);
    case 'disconnect':
      return fleet.disconnectAgent(request);
  }
}

/** `extract/7f3a`: an instance; `extract`: all of them. */
function readReference(reference: string): { readonly agentId: string; readonly instanceId: string } {
  const slash = reference.indexOf('/');
  if (slash < 0) return { agentId: reference, instanceId: '' };
  return { agentId: reference.slice(0, slash), instanceId: reference.slice(slash + 1) };
}

function told(operation: Operation, agentId: string, { instances, changedInstanceIds }: OperatedAgent): string {
  const agent = `agent ${safe(agentId)}`;
  if (instances.length === 0) return `${agent} has no instance: nothing changed`;
  if (changedInstanceIds.length === 0) return `${agent}: nothing changed`;
  const tails = changedInstanceIds.map((id) => safe(id).slice(-4)).join(', ');
  return `${agent}: ${DONE[operation]}: ${tails}`;
}
