import type { Command } from 'commander';
import { collectPages, runStatusNumber, toExplanation, toRun, WorkflowStatus } from '../../client/index.ts';
import { YardmasterError } from '../../core/errors.ts';
import { shortId } from '../../core/ids.ts';
import { limits } from '../../core/limits.ts';
import { nearest } from '../../core/nearest.ts';
import { type Context, listOptions, say } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { followRun } from '../follow.ts';
import { readCount, usageError } from '../options.ts';
import { printItem, printList } from '../print.ts';
import { renderExplanation } from '../render/explain.ts';
import { renderRuns } from '../render/lists.ts';
import { runTail } from '../render/text.ts';
import { renderTimeline } from '../render/timeline.ts';
import { resolveRun } from '../run-reference.ts';
import type { Bind } from './group.ts';

const RUN = 'an id, the end of one (4 characters or more), @last, @failed or @waiting';

export function addRunsCommands(program: Command, bind: Bind): void {
  const runs = program.command('runs').description('what runs and ran');
  runs
    .command('list')
    .description('runs, newest first')
    .option('--workflow <name>', 'only of this workflow')
    .option('--status <status>', 'only with this status, such as FAILED')
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
  runs
    .command('cancel')
    .argument('<run>', RUN)
    .option('--reason <text>', 'kept in the run')
    .description('end a run; a second time: end its cleanup, too')
    .action(bind(cancelRun));
}

interface ListFlags {
  readonly workflow?: string;
  readonly status?: string;
  readonly limit: number;
}

async function listRuns(context: Context, flags: ListFlags): Promise<number> {
  const status = flags.status === undefined ? undefined : readStatus(flags.status);
  const messages = await collectPages(flags.limit, async (page) => {
    const filter = { workflow: flags.workflow ?? '', statuses: status === undefined ? [] : [status] };
    const { runs, nextPageToken } = await context.api().runs.listRuns({ filter, ...page });
    return { items: runs, nextPageToken };
  });
  printList(context, {
    key: 'runs',
    messages,
    nameOf: ({ runId }) => runId,
    text: () => renderRuns(messages.map(toRun), listOptions(context)),
    empty: 'no run. next: yardmaster run FILE.yaml',
  });
  return exitCodes.ok;
}

function readStatus(text: string): NonNullable<ReturnType<typeof runStatusNumber>> {
  const name = text.toUpperCase().replace('-', '_');
  const number = runStatusNumber(name);
  if (number !== undefined) return number;
  const known = Object.keys(WorkflowStatus).filter((status) => status !== 'UNKNOWN');
  const close = nearest(name, known);
  const hint = close === undefined ? `one of ${known.join(', ')}` : `did you mean ${close}?`;
  throw usageError(`Cannot list runs with status "${text}": there is no such status; ${hint}`);
}

async function getRun(context: Context, reference: string, flags: { readonly values?: boolean }): Promise<number> {
  const runId = await resolveRun(context.api(), reference);
  const { run } = await context.api().runs.getRun({ runId, includeValues: flags.values === true });
  if (run === undefined) throw missing(reference);
  const text = (): string => {
    const { columns } = context.terminal.size();
    return renderTimeline(toRun(run), { ...listOptions(context), columns });
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

async function cancelRun(context: Context, reference: string, flags: { readonly reason?: string }): Promise<number> {
  const runId = await resolveRun(context.api(), reference);
  const message = await context.api().runs.cancelRun({ runId, reason: flags.reason ?? '' });
  const tail = runTail(runId);
  if (message.accepted) say(context, `run ${shortId(runId)} is ending. next: yardmaster runs watch ${tail}`);
  else say(context, `run ${shortId(runId)}: its end was decided before. next: yardmaster runs get ${tail}`);
  if (context.format !== 'table' && context.format !== 'wide') {
    printItem(context, { message, name: runId, text: () => '' });
  }
  return message.accepted ? exitCodes.ok : exitCodes.refused;
}
