import type { Command } from 'commander';
import { toPlan } from '../../client/index.ts';
import { type Context, listOptions } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { printItem } from '../print.ts';
import { readText } from '../read-workflow-file.ts';
import { renderPlan } from '../render/plan.ts';
import type { Bind } from './group.ts';

export function addPlanCommand(program: Command, bind: Bind): void {
  program
    .command('plan <file>')
    .description('what would come of a definition now: changes, order, who could take each step; stores nothing')
    .action(bind(plan));
}

async function plan(context: Context, file: string): Promise<number> {
  const text = await readText(context, file);
  const definition = { case: 'source' as const, value: { text, file } };
  const message = await context.api().workflows.planWorkflow({ definition });
  printItem(context, {
    message,
    name: message.name,
    text: () => renderPlan(toPlan(message), text, listOptions(context)),
  });
  return exitCodes.ok;
}
