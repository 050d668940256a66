/** `runs cancel`: one run by its id, or every run that fits a filter. */
import type { Command } from 'commander';
import { cancelRunsOnWire, type RunFilter } from '../../client/index.ts';
import { shortId } from '../../core/ids.ts';
import { type BulkAnswer, idsOf, isConfirmed, lastAnswer, printAnswer } from '../bulk.ts';
import { type Context, say } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { usageError } from '../options.ts';
import { isForPeople, printItem, printText } from '../print.ts';
import { plural, runTail } from '../render/text.ts';
import { addFilterOptions, type FilterFlags, isFilterEmpty, readFilter } from '../run-filter.ts';
import { resolveRun } from '../run-reference.ts';
import type { Bind } from './group.ts';

interface CancelFlags extends FilterFlags {
  readonly reason?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

export function addCancelCommand(runs: Command, what: string, bind: Bind): void {
  const command = runs
    .command('cancel')
    .argument('[run]', `${what}; instead of it: options that say which`)
    .description('end a run, a second time its cleanup, too; or every run that fits the options')
    .option('--reason <text>', 'kept in the run')
    .option('--dry-run', 'say which runs the options fit, and change nothing')
    .option('-y, --yes', 'do not ask');
  addFilterOptions(command).action(bind(cancel));
}

function cancel(context: Context, reference: string | undefined, flags: CancelFlags): Promise<number> {
  const isEmpty = isFilterEmpty(flags);
  if (reference === undefined && isEmpty) {
    throw usageError('Cannot cancel runs: neither a run nor an option says which', 'yardmaster runs cancel --help');
  }
  if (reference === undefined) return cancelMany(context, flags);
  if (!isEmpty) throw usageError(`Cannot cancel "${reference}" and what fits the options: give one of both`);
  if (flags.dryRun === true) throw usageError('Cannot try out the cancel of one run: --dry-run is for options');
  return cancelOne(context, reference, flags.reason ?? '');
}

async function cancelOne(context: Context, reference: string, reason: string): Promise<number> {
  const runId = await resolveRun(context.api(), reference);
  const message = await context.api().runs.cancelRun({ runId, reason });
  const tail = runTail(runId);
  if (message.accepted) say(context, `run ${shortId(runId)} is ending. next: yardmaster runs watch ${tail}`);
  else say(context, `run ${shortId(runId)}: its end was decided before. next: yardmaster runs get ${tail}`);
  if (!isForPeople(context)) printItem(context, { message, name: runId, text: () => '' });
  return message.accepted ? exitCodes.ok : exitCodes.refused;
}

async function cancelMany(context: Context, flags: CancelFlags): Promise<number> {
  const filter = readFilter(flags, context.terminal.now());
  const isAsked = flags.dryRun !== true && flags.yes !== true;
  if (isAsked && !(await isConfirmed(context, 'cancel', () => perform(context, filter, { dryRun: true })))) {
    say(context, 'nothing was cancelled');
    return exitCodes.no;
  }
  const dryRun = flags.dryRun === true;
  const message = await perform(context, filter, { dryRun, reason: flags.reason ?? '' });
  if (!printAnswer(context, message)) tell(context, message, dryRun);
  return exitCodes.ok;
}

function perform(
  context: Context,
  filter: RunFilter,
  options: { readonly dryRun: boolean; readonly reason?: string },
): Promise<CancelRunsAnswer> {
  const { signal } = context;
  const answers = cancelRunsOnWire(context.api(), filter, { ...options, ...(signal && { signal }) });
  const soFar = ({ cancelled }: CancelRunsAnswer): string => `${plural(cancelled, 'run')} ending so far`;
  return lastAnswer(context, answers, options.dryRun ? undefined : soFar);
}

type CancelRunsAnswer = BulkAnswer & { readonly cancelled: number };

function tell(context: Context, { matched, cancelled, runIds }: CancelRunsAnswer, dryRun: boolean): void {
  if (matched === 0) return say(context, 'no run that is QUEUED or RUNNING fits. next: yardmaster runs list');
  if (dryRun) printText(context, `${plural(matched, 'run')} would be cancelled`);
  else
    printText(context, `${plural(cancelled, 'run')} cancelled${cancelled < matched ? late(matched - cancelled) : ''}`);
  printText(context, idsOf(matched, runIds));
}

/** Between the page and the cancel. */
function late(ended: number): string {
  return `, ${plural(ended, 'run')} had ${ended === 1 ? 'its' : 'their'} end decided before`;
}
