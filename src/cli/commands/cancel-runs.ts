/** `runs cancel`: one run by its id, or every run that fits a filter. */
import type { Command } from 'commander';
import { cancelRunsOnWire, type RunFilter } from '../../client/index.ts';
import { shortId } from '../../core/ids.ts';
import { type Context, say } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { usageError } from '../options.ts';
import { isForPeople, printItem, printText } from '../print.ts';
import { count, plural, runTail } from '../render/text.ts';
import { addFilterOptions, type FilterFlags, isFilterEmpty, readFilter } from '../run-filter.ts';
import { resolveRun } from '../run-reference.ts';
import type { Bind } from './group.ts';

const IDS_SHOWN = 5;
/** Between two words on how far it is. */
const SILENCE_MS = 2_000;

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
  const { ask } = context.terminal;
  if (flags.dryRun !== true && flags.yes !== true && ask !== undefined) {
    const { matched, runIds } = await perform(context, filter, { dryRun: true });
    if (matched > 0) {
      say(context, idsOf(matched, runIds));
      const answer = await ask(`cancel ${plural(matched, 'run')}? [y/N] `);
      if (!/^y(es)?$/i.test(answer.trim())) {
        say(context, 'nothing was cancelled');
        return exitCodes.no;
      }
    }
  }
  const dryRun = flags.dryRun === true;
  const message = await perform(context, filter, { dryRun, reason: flags.reason ?? '' });
  tell(context, message, dryRun);
  return exitCodes.ok;
}

type Answer = Parameters<typeof printItem>[1]['message'] & {
  readonly matched: number;
  readonly cancelled: number;
  readonly runIds: readonly string[];
};

async function perform(
  context: Context,
  filter: RunFilter,
  options: { readonly dryRun: boolean; readonly reason?: string },
): Promise<Answer> {
  const { terminal, signal } = context;
  let toldAt = terminal.now();
  let last: Answer | undefined;
  for await (const message of cancelRunsOnWire(context.api(), filter, { ...options, ...(signal && { signal }) })) {
    last = message;
    if (message.done || options.dryRun || terminal.now() - toldAt < SILENCE_MS) continue;
    toldAt = terminal.now();
    say(context, `${plural(message.cancelled, 'run')} ending so far`);
  }
  // Its last answer says so, or it throws.
  if (last === undefined) throw new TypeError('the stream ended without an answer');
  return last;
}

function tell(context: Context, message: Answer, dryRun: boolean): void {
  const { matched, cancelled, runIds } = message;
  if (!isForPeople(context)) {
    if (context.format !== 'name') return printItem(context, { message, name: '', text: () => '' });
    for (const runId of runIds) printText(context, runId);
    return;
  }
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

/** `  9c41e7b2 0b7d91c0 and 29 more` */
function idsOf(matched: number, runIds: readonly string[]): string {
  const shown = runIds.slice(0, IDS_SHOWN).map(shortId);
  const rest = matched - shown.length;
  return `  ${shown.join(' ')}${rest > 0 ? ` and ${count(rest)} more` : ''}`;
}
