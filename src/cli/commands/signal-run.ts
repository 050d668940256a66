/** `runs signal`. */
import { fromJsonString } from '@bufbuild/protobuf';
import { type Value, ValueSchema } from '@bufbuild/protobuf/wkt';
import type { Command } from 'commander';
import { shortId } from '../../core/ids.ts';
import { type Context, say } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { usageError } from '../options.ts';
import { isForPeople, printItem } from '../print.ts';
import { runTail, safe } from '../render/text.ts';
import { resolveRun } from '../run-reference.ts';
import type { Bind } from './group.ts';

interface SignalFlags {
  readonly payload?: string;
  readonly requestId?: string;
}

/** `run`: how a run can be named. */
export function addSignalCommand(runs: Command, run: string, bind: Bind): void {
  runs
    .command('signal')
    .argument('<run>', run)
    .argument('<name>', 'of the signal, as "runs get" shows it')
    .option('--payload <json>', 'what it says; default: null')
    .option('--request-id <id>', 'a repeat with the same id changes nothing')
    .description('send a signal, such as an approval, to a run that waits or will wait for it')
    .action(bind(signalRun));
}

async function signalRun(context: Context, reference: string, name: string, flags: SignalFlags): Promise<number> {
  const payload = readPayload(flags.payload);
  const runId = await resolveRun(context.api(), reference);
  const request = { runId, name, requestId: flags.requestId ?? '', ...(payload === undefined ? {} : { payload }) };
  const message = await context.api().runs.signalRun(request);
  const tail = runTail(runId);
  const what = message.created ? `has signal "${safe(name)}"` : `had this signal "${safe(name)}" already`;
  say(context, `run ${shortId(runId)} ${what}. next: yardmaster runs get ${tail}`);
  if (!isForPeople(context)) printItem(context, { message, name: runId, text: () => '' });
  return exitCodes.ok;
}

function readPayload(text: string | undefined): Value | undefined {
  if (text === undefined) return undefined;
  try {
    return fromJsonString(ValueSchema, text);
  } catch {
    throw usageError('Cannot read the payload: it is not JSON', `--payload '{"approved":true}'`);
  }
}
