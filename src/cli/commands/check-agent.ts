/** `agents check`: the conformance kit on a command that starts an agent. */
import type { Command } from 'commander';
import type { Outcome, Situation } from '../../conformance/index.ts';
import { nearest } from '../../core/nearest.ts';
import { type Context, say } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { collect, readCount, usageError } from '../options.ts';
import { isForPeople, printJson, printText } from '../print.ts';
import { renderFailure, renderOutcomes, renderSituations, renderSummary } from '../render/conformance.ts';
import { writeText } from '../write-text.ts';
import type { Bind } from './group.ts';

interface Flags {
  readonly only: readonly string[];
  readonly list?: boolean;
  readonly junit?: string;
  readonly jobs: number;
  readonly patience: number;
}

export function addCheckCommand(agents: Command, bind: Bind): void {
  agents
    .command('check [command...]')
    .description('start an agent and examine how it speaks the protocol: check -- COMMAND...')
    .option('--only <name>', 'a situation, or a clause such as T-1; may be repeated', collect, [])
    .option('--list', 'what would be played')
    .option('--junit <file>', 'write the outcomes as JUnit XML, too')
    .option('--jobs <count>', 'situations at once, each with a process of its own', readCount, 4)
    .option('--patience <factor>', 'multiplies the time that the agent has for everything', readCount, 1)
    .addHelpText('after', '\nWhat the agent must offer, and how it is started: docs/agents/README.md')
    .action(bind(check));
}

async function check(context: Context, command: readonly string[], flags: Flags): Promise<number> {
  // Loaded here: no other command needs a second control plane.
  const { launchProcess, playAll, situations, writeJunit } = await import('../../conformance/index.ts');
  const chosen = choose(situations, flags.only);
  if (flags.list === true) return list(context, chosen);
  if (command.length === 0)
    throw usageError('Cannot check: no command is given', 'yardmaster agents check -- COMMAND...');
  const { jobs, patience } = flags;
  const aborter = new AbortController();
  const stopListening = context.terminal.onInterrupt(() => aborter.abort());
  let count = 0;
  const onOutcome = ({ name, verdict }: Outcome): void => {
    if (isForPeople(context)) say(context, `${++count}/${chosen.length} ${verdict} ${name}`);
  };
  const { signal } = aborter;
  const outcomes = await playAll(chosen, { launch: launchProcess(command), jobs, patience, signal, onOutcome });
  stopListening();
  if (flags.junit !== undefined) await writeText(flags.junit, writeJunit(outcomes));
  tell(context, outcomes);
  if (signal.aborted) return exitCodes.interrupted;
  return outcomes.some(({ verdict }) => verdict === 'fail') ? exitCodes.no : exitCodes.ok;
}

/** Those that are named, or are about a clause that is named. */
function choose(situations: readonly Situation[], only: readonly string[]): readonly Situation[] {
  for (const word of only) {
    if (situations.some((situation) => isAbout(situation, word))) continue;
    const near = nearest(
      word,
      situations.map(({ name }) => name),
    );
    const hint = near === undefined ? '' : `; did you mean "${near}"?`;
    throw usageError(
      `Cannot play "${word}": no situation is called so or about it${hint}`,
      'yardmaster agents check --list',
    );
  }
  return only.length === 0
    ? situations
    : situations.filter((situation) => only.some((word) => isAbout(situation, word)));
}

function isAbout({ name, clauses }: Situation, word: string): boolean {
  return name === word || clauses.includes(word);
}

function list(context: Context, situations: readonly Situation[]): number {
  if (isForPeople(context)) printText(context, renderSituations(situations, context.style));
  else if (context.format === 'name') for (const { name } of situations) printText(context, name);
  else
    printJson(context, {
      situations: situations.map(({ name, title, clauses }) => ({ name, title, clauses: [...clauses] })),
    });
  return exitCodes.ok;
}

function tell(context: Context, outcomes: readonly Outcome[]): void {
  if (!isForPeople(context)) {
    for (const outcome of context.format === 'jsonl' ? outcomes : []) printJson(context, outcomeJson(outcome));
    if (context.format !== 'jsonl') printJson(context, { situations: outcomes.map(outcomeJson) });
    return;
  }
  printText(context, renderOutcomes(outcomes, context.style));
  for (const outcome of outcomes) {
    const failure = renderFailure(outcome, context.style);
    if (failure !== undefined) printText(context, `\n${failure}`);
  }
  say(context, renderSummary(outcomes));
}

function outcomeJson(outcome: Outcome) {
  const { name, title, verdict, clauses, durationMs } = outcome;
  const base = { name, title, verdict, clauses: [...clauses], durationMs: Math.round(durationMs) };
  if (verdict === 'unsupported') return { ...base, fact: outcome.fact };
  if (verdict === 'pass') return base;
  const { broken, expected, came, frames, output } = outcome;
  return { ...base, broken: [...broken], expected, came, frames: [...frames], output: [...output] };
}
