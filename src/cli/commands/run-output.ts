/** `runs output`: what the attempts of a step write, on stdout as they wrote it; everything about it on stderr. */
import type { Command } from 'commander';
import { type OutputEvent, protoJson, toOutputEvent, watchOutputOnWire } from '../../client/index.ts';
import { type Context, say } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { isForPeople } from '../print.ts';
import { plain } from '../render/text.ts';
import { resolveRun } from '../run-reference.ts';
import type { Bind } from './group.ts';

interface OutputFlags {
  readonly follow?: boolean;
  readonly channel?: string;
}

export function addOutputCommand(runs: Command, runArgument: string, bind: Bind): void {
  runs
    .command('output')
    .argument('<run>', runArgument)
    .argument('<step>', 'the path of an agent step')
    .description('what a step writes while it works')
    .option('-f, --follow', 'wait for more until the step is over')
    .option('--channel <name>', 'only this one of its channels')
    .action(bind(showOutput));
}

async function showOutput(context: Context, reference: string, step: string, flags: OutputFlags): Promise<number> {
  const stop = new AbortController();
  const off = context.terminal.onInterrupt(() => stop.abort(new Error('interrupted')));
  const signal = context.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, context.signal]);
  const { follow = false, channel } = flags;
  try {
    const runId = await resolveRun(context.api(), reference);
    const options = { storedOnly: !follow, signal, ...(channel !== undefined && { channel }) };
    let chunks = 0;
    for await (const wire of watchOutputOnWire(context.api(), runId, step, options)) {
      if (!isForPeople(context) && context.format !== 'name') {
        context.terminal.out(`${JSON.stringify(protoJson(wire))}\n`);
        continue;
      }
      const event = toOutputEvent(wire);
      if (event?.type === 'chunk') chunks += 1;
      if (event !== undefined) tell(context, event, chunks > 0);
    }
    return exitCodes.ok;
  } catch (error) {
    if (!signal.aborted) throw error;
    return stop.signal.aborted ? exitCodes.interrupted : exitCodes.stillOpen;
  } finally {
    off();
  }
}

function tell(context: Context, event: OutputEvent, hasChunks: boolean): void {
  switch (event.type) {
    case 'chunk':
      context.terminal.out(textOf(context, event.data));
      return;
    case 'begun':
      if (event.attempt > 1 && hasChunks) say(context, `attempt ${event.attempt} begins: what came before is void`);
      return;
    case 'cut':
      return say(context, `more was written than is kept of ${event.limit === 'RUN' ? 'a run' : 'an attempt'}`);
    case 'end':
      if (!hasChunks) say(context, event.status === undefined ? 'nothing was written yet' : 'nothing was written');
  }
}

/** On a screen nothing of it may move the cursor. Elsewhere it is as it was written. */
function textOf({ terminal }: Context, data: string | Uint8Array): string | Uint8Array {
  if (!terminal.outIsTty) return data;
  return plain(typeof data === 'string' ? data : Buffer.from(data).toString());
}
