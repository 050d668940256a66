/** `runs pause` and `runs resume`. */
import type { Message } from '@bufbuild/protobuf';
import type { Command } from 'commander';
import { shortId } from '../../core/ids.ts';
import { type Context, say } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { printItem } from '../print.ts';
import { runTail } from '../render/text.ts';
import { resolveRun } from '../run-reference.ts';
import type { Bind } from './group.ts';

/** `run`: how a run can be named. */
export function addPauseCommands(runs: Command, run: string, bind: Bind): void {
  runs
    .command('pause')
    .argument('<run>', run)
    .option('--reason <text>', 'kept in the run')
    .description('start nothing new in a run; what runs goes on')
    .action(bind(pauseRun));
  runs.command('resume').argument('<run>', run).description('let a paused run go on').action(bind(resumeRun));
}

async function pauseRun(context: Context, reference: string, flags: { readonly reason?: string }): Promise<number> {
  const runId = await resolveRun(context.api(), reference);
  const message = await context.api().runs.pauseRun({ runId, reason: flags.reason ?? '' });
  const tail = runTail(runId);
  if (message.accepted) say(context, `run ${shortId(runId)} is paused. next: yardmaster runs resume ${tail}`);
  else say(context, `run ${shortId(runId)}: its end was decided before. next: yardmaster runs get ${tail}`);
  return answer(context, runId, message);
}

async function resumeRun(context: Context, reference: string): Promise<number> {
  const runId = await resolveRun(context.api(), reference);
  const message = await context.api().runs.resumeRun({ runId });
  const tail = runTail(runId);
  if (message.accepted) say(context, `run ${shortId(runId)} goes on. next: yardmaster runs watch ${tail}`);
  else say(context, `run ${shortId(runId)} was not paused. next: yardmaster runs get ${tail}`);
  return answer(context, runId, message);
}

function answer(context: Context, runId: string, message: Message & { readonly accepted: boolean }): number {
  if (context.format !== 'table' && context.format !== 'wide') {
    printItem(context, { message, name: runId, text: () => '' });
  }
  return message.accepted ? exitCodes.ok : exitCodes.refused;
}
