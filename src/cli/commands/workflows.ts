import type { Command } from 'commander';
import {
  collectPages,
  formatProblemLine,
  type Problem,
  toRegistered,
  toWorkflow,
  YardmasterError,
} from '../../client/index.ts';
import { type Context, listOptions, say } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { readCount } from '../options.ts';
import { printItem, printList } from '../print.ts';
import { readText } from '../read-workflow-file.ts';
import { renderWorkflow } from '../render/details.ts';
import { renderWorkflows } from '../render/lists.ts';
import type { Bind } from './group.ts';

export function addWorkflowsCommands(program: Command, bind: Bind): void {
  const workflows = program.command('workflows').description('the catalogue of definitions');
  workflows
    .command('register <files...>')
    .description('check definitions and store them, a new version each unless nothing changed')
    .option('--validate-only', 'check only; store nothing')
    .action(bind(registerWorkflows));
  workflows.command('list').description('the newest version of each').action(bind(listWorkflows));
  workflows
    .command('get <name>')
    .description('parameters and steps')
    .option('--version <n>', 'default: the newest', readCount)
    .action(bind(getWorkflow));
}

async function registerWorkflows(
  context: Context,
  files: readonly string[],
  flags: { readonly validateOnly?: boolean },
): Promise<number> {
  for (const file of files) {
    const message = await registerFile(context, file, flags.validateOnly === true);
    const { workflow } = message;
    const name = workflow === undefined ? file : workflow.name;
    printItem(context, { message, name, text: () => registeredText(message, flags.validateOnly === true) });
  }
  return exitCodes.ok;
}

type Registered = Awaited<ReturnType<typeof registerFile>>;

/** Registers the text of a file; warnings are told on stderr. */
export async function registerFile(context: Context, file: string, validateOnly: boolean) {
  const text = await readText(context, file);
  const definition = { case: 'source' as const, value: { text, file } };
  const answer = await context.api().workflows.registerWorkflow({ definition, validateOnly });
  tellWarnings(context, toRegistered(answer)?.warnings ?? []);
  return answer;
}

function tellWarnings(context: Context, warnings: readonly Problem[]): void {
  for (const warning of warnings) say(context, formatProblemLine({ ...warning, severity: 'warn' }));
}

function registeredText({ workflow, created }: Registered, validateOnly: boolean): string {
  if (workflow === undefined) return '';
  if (validateOnly) return `${workflow.name} is valid`;
  return `${workflow.name} v${workflow.version}${created ? '' : ' (unchanged)'}`;
}

async function listWorkflows(context: Context): Promise<number> {
  const messages = await collectPages(Number.POSITIVE_INFINITY, async (page) => {
    const { workflows, nextPageToken } = await context.api().workflows.listWorkflows(page);
    return { items: workflows, nextPageToken };
  });
  printList(context, {
    key: 'workflows',
    messages,
    nameOf: ({ name }) => name,
    text: () => renderWorkflows(messages.map(toWorkflow), listOptions(context)),
    empty: 'no workflow is registered. next: yardmaster workflows register FILE.yaml',
  });
  return exitCodes.ok;
}

async function getWorkflow(context: Context, name: string, flags: { readonly version?: number }): Promise<number> {
  const { workflow } = await context.api().workflows.getWorkflow({ name, version: flags.version ?? 0 });
  if (workflow === undefined) {
    throw new YardmasterError('WORKFLOW_NOT_FOUND', `Cannot get workflow "${name}": there is none`, {
      meta: { status: 'NOT_FOUND' },
    });
  }
  printItem(context, { message: workflow, name: workflow.name, text: () => renderWorkflow(toWorkflow(workflow)) });
  return exitCodes.ok;
}
