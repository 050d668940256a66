/** `runs retry`: another try of one run, or of every run that fits a filter. `runs rerun`: the same again from the beginning. */
import type { Command } from 'commander';
import { type RunFilter, retryRunsOnWire, toRun } from '../../client/index.ts';
import { shortId } from '../../core/ids.ts';
import { type BulkAnswer, idsOf, isConfirmed, lastAnswer, printAnswer } from '../bulk.ts';
import { type Context, say } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { followRun } from '../follow.ts';
import { collect, usageError } from '../options.ts';
import { readChanges } from '../parameters.ts';
import { isForPeople, printText } from '../print.ts';
import { plural, runTail } from '../render/text.ts';
import { addFilterOptions, type FilterFlags, isFilterEmpty, readFilter } from '../run-filter.ts';
import { resolveRun } from '../run-reference.ts';
import type { Bind } from './group.ts';

interface OneFlags {
  readonly requestId?: string;
  readonly detach?: boolean;
}

interface RetryFlags extends FilterFlags, OneFlags {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

interface RerunFlags extends OneFlags {
  readonly parameter: readonly string[];
  readonly latest?: boolean;
}

/** `run`: how a run can be named. */
export function addRetryCommands(runs: Command, run: string, bind: Bind): void {
  const retry = runs
    .command('retry')
    .argument('[run]', `${run}; instead of it: options that say which`)
    .description('start an ended run again from the steps that failed; or every run that fits the options')
    .option('--failure-code <code>', 'only whose error has this code')
    .option('--dry-run', 'say which runs the options fit, and start nothing')
    .option('-y, --yes', 'do not ask');
  addOneOptions(addFilterOptions(retry)).action(bind(retryRuns));
  const rerun = runs
    .command('rerun')
    .argument('<run>', run)
    .description('start the same again from the beginning, with other parameters if you give some')
    .option('-p, --parameter <key=value>', 'takes the place of that of the run; may be repeated', collect, [])
    .option('--latest', 'with the newest version of the workflow');
  addOneOptions(rerun).action(bind(rerunOne));
}

function addOneOptions(command: Command): Command {
  return command
    .option('--request-id <id>', 'the same id starts one run, however often it is sent')
    .option('--detach', 'start only; print the id');
}

function retryRuns(context: Context, reference: string | undefined, flags: RetryFlags): Promise<number> {
  const isEmpty = isFilterEmpty(flags) && flags.failureCode === undefined;
  if (reference === undefined && isEmpty) {
    throw usageError('Cannot retry runs: neither a run nor an option says which', 'yardmaster runs retry --help');
  }
  if (reference === undefined) return retryMany(context, flags);
  if (!isEmpty) throw usageError(`Cannot retry "${reference}" and what fits the options: give one of both`);
  if (flags.dryRun === true) throw usageError('Cannot try out the retry of one run: --dry-run is for options');
  return retryOne(context, reference, flags);
}

async function retryOne(context: Context, reference: string, flags: OneFlags): Promise<number> {
  const runId = await resolveRun(context.api(), reference);
  const handle = await context.mesh().retryRun(runId, optionsOf(context, flags));
  return goOn(context, handle.id, `another try of ${shortId(runId)}`, flags);
}

async function rerunOne(context: Context, reference: string, flags: RerunFlags): Promise<number> {
  const runId = await resolveRun(context.api(), reference);
  const { latest = false } = flags;
  const parameters = await readGiven(context, runId, flags);
  const options = { ...optionsOf(context, flags), latest, ...(parameters !== undefined && { parameters }) };
  const handle = await context.mesh().rerunRun(runId, options);
  return goOn(context, handle.id, `a rerun of ${shortId(runId)}`, flags);
}

/** Typed by the version that will run. */
async function readGiven(context: Context, runId: string, flags: RerunFlags): Promise<object | undefined> {
  if (flags.parameter.length === 0) return undefined;
  const { run } = await context.api().runs.getRun({ runId, omitSteps: true });
  if (run === undefined) return readChanges(flags.parameter, undefined);
  const { workflow, version } = toRun(run);
  const { parameters } = await context.mesh().fetchWorkflow(workflow, flags.latest === true ? 0 : version);
  return readChanges(flags.parameter, parameters);
}

/** A call that met a cut is repeated, so that exit code 6 means that nothing was started. */
function optionsOf({ signal }: Context, { requestId = crypto.randomUUID() }: OneFlags) {
  return { requestId, ...(signal && { signal }) };
}

function goOn(context: Context, runId: string, what: string, { detach }: OneFlags): Promise<number> | number {
  if (detach !== true) {
    say(context, `run ${shortId(runId)} is ${what}`);
    return followRun(context, runId);
  }
  printText(context, isForPeople(context) ? runId : JSON.stringify({ runId }));
  say(context, `run ${shortId(runId)}, ${what}, started. next: yardmaster runs watch ${runTail(runId)}`);
  return exitCodes.ok;
}

type Answer = BulkAnswer & { readonly retried: number };

async function retryMany(context: Context, flags: RetryFlags): Promise<number> {
  if (flags.requestId !== undefined) throw usageError('Cannot use --request-id: many runs are retried, each once');
  const filter = readFilter(flags, context.terminal.now());
  const isAsked = flags.dryRun !== true && flags.yes !== true;
  if (isAsked && !(await isConfirmed(context, 'retry', () => perform(context, filter, true)))) {
    say(context, 'nothing was started');
    return exitCodes.no;
  }
  const dryRun = flags.dryRun === true;
  const message = await perform(context, filter, dryRun);
  if (!printAnswer(context, message)) tell(context, message, dryRun);
  return exitCodes.ok;
}

function perform(context: Context, filter: RunFilter, dryRun: boolean): Promise<Answer> {
  const { signal } = context;
  const answers = retryRunsOnWire(context.api(), filter, { dryRun, ...(signal && { signal }) });
  const soFar = ({ retried }: Answer): string => `${plural(retried, 'run')} started so far`;
  return lastAnswer(context, answers, dryRun ? undefined : soFar);
}

function tell(context: Context, { matched, retried, runIds }: Answer, dryRun: boolean): void {
  if (matched === 0) {
    return say(context, 'no run that FAILED or TIMED_OUT fits. next: yardmaster runs list --status failed');
  }
  const rest = matched - retried;
  const before = rest === 0 ? '' : `, ${plural(rest, 'run')} had another try before`;
  printText(
    context,
    dryRun ? `${plural(matched, 'run')} would be retried` : `${plural(retried, 'run')} retried${before}`,
  );
  printText(context, idsOf(matched, runIds));
}
