import type { Command } from 'commander';
import { collectPages, toExplanation, toRun, toWireFilter } from '../../client/index.ts';
import { YardmasterError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import { type Context, listOptions } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { followRun } from '../follow.ts';
import { readCount } from '../options.ts';
import { printItem, printList } from '../print.ts';
import { renderExplanation } from '../render/explain.ts';
import { renderRuns } from '../render/lists.ts';
import { renderTimeline } from '../render/timeline.ts';
import { renderValues } from '../render/values.ts';
import { addFilterOptions, type FilterFlags, isFilterEmpty, readFilter } from '../run-filter.ts';
import { resolveRun } from '../run-reference.ts';
import { addCancelCommand } from './cancel-runs.ts';
import type { Bind } from './group.ts';
import { addPauseCommands } from './pause-run.ts';
import { addRetryCommands } from './retry-runs.ts';
import { addOutputCommand } from './run-output.ts';
import { addSignalCommand } from './signal-run.ts';

const RUN = 'an id, the end of one (4 characters or more), @last, @failed or @waiting';

export function addRunsCommands(program: Command, bind: Bind): void {
  const runs = program.command('runs').description('what runs and ran');
  addFilterOptions(runs.command('list'))
    .description('runs, newest first')
    .option('--failure-code <code>', 'only whose error has this code')
    .option('--parent <run>', 'only child runs of this run')
    .option('--limit <n>', 'at most this many', readCount, limits.pageSizeDefault)
    .action(bind(listRuns));
  runs
    .command('get')
    .argument('<run>', RUN)
    .description('one run as a timeline')
    .option('--values', 'with parameters, inputs and outputs')
    .action(bind(getRun));
  runs.command('watch').argument('<run>', RUN).description('follow a run to its end').action(bind(watchRun));
  runs
    .command('explain')
    .argument('<run>', RUN)
    .argument('[step]', 'its path; default: the step that has waited longest')
    .description('why a step waits, instance by instance')
    .action(bind(explainStep));
  addOutputCommand(runs, RUN, bind);
  addCancelCommand(runs, RUN, bind);
  addPauseCommands(runs, RUN, bind);
  addRetryCommands(runs, RUN, bind);
  addSignalCommand(runs, RUN, bind);
}

interface ListFlags extends FilterFlags {
  readonly limit: number;
  readonly parent?: string;
}

async function listRuns(context: Context, flags: ListFlags): Promise<number> {
  const { parent } = flags;
  const parentRunId = parent === undefined ? {} : { parentRunId: await resolveRun(context.api(), parent) };
  const filter = toWireFilter(readFilter({ ...flags, ...parentRunId }, context.terminal.now()));
  const messages = await collectPages(flags.limit, async (page) => {
    const { runs, nextPageToken } = await context.api().runs.listRuns({ filter, ...page });
    return { items: runs, nextPageToken };
  });
  printList(context, {
    key: 'runs',
    messages,
    nameOf: ({ runId }) => runId,
    text: () => renderRuns(messages.map(toRun), listOptions(context)),
    empty:
      isFilterEmpty(flags) && flags.failureCode === undefined && parent === undefined
        ? 'no run. next: yardmaster run FILE.yaml'
        : 'no run fits. next: yardmaster runs list',
  });
  return exitCodes.ok;
}

async function getRun(context: Context, reference: string, flags: { readonly values?: boolean }): Promise<number> {
  const runId = await resolveRun(context.api(), reference);
  const { run } = await context.api().runs.getRun({ runId, includeValues: flags.values === true });
  if (run === undefined) throw missing(reference);
  const text = (): string => {
    const options = { ...listOptions(context), columns: context.terminal.size().columns };
    const view = toRun(run);
    const values = flags.values === true ? renderValues(view, options) : '';
    return [renderTimeline(view, options), ...(values === '' ? [] : ['', values])].join('\n');
  };
  printItem(context, { message: run, name: run.runId, text });
  return exitCodes.ok;
}

function missing(reference: string): YardmasterError {
  return new YardmasterError('RUN_NOT_FOUND', `Cannot get run "${reference}": there is none`, {
    meta: { status: 'NOT_FOUND' },
  });
}

async function watchRun(context: Context, reference: string): Promise<number> {
  return followRun(context, await resolveRun(context.api(), reference));
}

async function explainStep(context: Context, reference: string, step: string | undefined): Promise<number> {
  const runId = await resolveRun(context.api(), reference);
  const message = await context.api().runs.explainStep({ runId, stepPath: step ?? '' });
  printItem(context, {
    message,
    name: message.stepPath,
    text: () => renderExplanation(toExplanation(message), listOptions(context)),
  });
  return exitCodes.ok;
}
