/** `agents label`: what operators say of an agent, which wins over what its instances claim. */
import type { Command } from 'commander';
import { type Context, say } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { readPairs, refuseAll } from '../options.ts';
import { isForPeople, printItem } from '../print.ts';
import { safe } from '../render/text.ts';
import type { Bind } from './group.ts';

export function addLabelCommand(agents: Command, bind: Bind): void {
  agents
    .command('label')
    .argument('<agent>', 'its id')
    .argument('<changes...>', 'key=value sets a label for all its instances, key- takes it away again')
    .option('--reason <text>', 'kept in the audit log and the events of the agent')
    .description('labels that win over what its instances claim')
    .action(bind(labelAgent));
}

async function labelAgent(
  context: Context,
  agentId: string,
  changes: readonly string[],
  { reason = '' }: { readonly reason?: string },
): Promise<number> {
  const message = await context.api().fleet.labelAgent({ agentId, ...readChanges(changes), reason });
  if (!isForPeople(context)) printItem(context, { message, name: agentId, text: () => '' });
  const now = Object.entries(message.agent?.operatorLabels ?? {}).map(([key, value]) => `${safe(key)}=${safe(value)}`);
  const what = message.changed ? `labels by operators: ${now.sort().join(', ') || 'none'}` : 'nothing changed';
  say(context, `agent ${safe(agentId)}: ${what}. next: yardmaster agents get ${safe(agentId)}`);
  return exitCodes.ok;
}

/** `region=us` sets, `region-` takes away; a key may end with "-" where a value follows. Throws USAGE with all that is wrong. */
function readChanges(changes: readonly string[]): { labels: Record<string, string>; removed: string[] } {
  const isSet = (change: string): boolean => change.indexOf('=') > 0;
  const isRemoval = (change: string): boolean => change.length > 1 && change.endsWith('-') && !change.includes('=');
  const removed = changes.filter(isRemoval).map((change) => change.slice(0, -1));
  const labels = readPairs(changes.filter(isSet));
  refuseAll([
    ...changes
      .filter((change) => !isSet(change) && !isRemoval(change))
      .map((change) => `Cannot read "${change}": it is not like key=value, nor like key-`),
    ...removed
      .filter((key) => Object.hasOwn(labels, key))
      .map((key) => `Cannot both set and take away the label "${key}"`),
  ]);
  return { labels: { ...labels }, removed };
}
