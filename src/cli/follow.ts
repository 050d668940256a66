/** Following a run from a command: to its end, to `--timeout`, or to Ctrl-C, which leaves the run going. */
import { protoJson, type RunView, toRun, watchRunOnWire } from '../client/index.ts';
import { shortId } from '../core/ids.ts';
import { type Context, say } from './context.ts';
import { exitCodeOfRun, exitCodes } from './exit-codes.ts';
import { pictureOf } from './picture.ts';
import { printItem, printJson } from './print.ts';
import { runTail } from './render/text.ts';
import { headline } from './render/timeline.ts';
import { watchProgress } from './watch-progress.ts';

/** Answers with the exit code. The run is told on stdout: its output, its message, or its events, by the format. */
export async function followRun(context: Context, runId: string): Promise<number> {
  const stop = new AbortController();
  const off = context.terminal.onInterrupt(() => stop.abort(new Interrupted()));
  const signal = context.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, context.signal]);
  try {
    const run =
      context.format === 'jsonl' ? await writeEvents(context, runId, signal) : await draw(context, runId, signal);
    return exitCodeOfRun(run.status);
  } catch (error) {
    if (!signal.aborted) throw error;
    return leaveOpen(context, runId, signal);
  } finally {
    off();
  }
}

class Interrupted extends Error {}

function leaveOpen(context: Context, runId: string, signal: AbortSignal): number {
  const tail = runTail(runId);
  const isInterrupted = signal.reason instanceof Interrupted;
  const why = isInterrupted ? 'goes on' : 'is still open after the timeout';
  say(context, `run ${shortId(runId)} ${why}. next: yardmaster runs watch ${tail}, or runs cancel ${tail}`);
  return isInterrupted ? exitCodes.interrupted : exitCodes.stillOpen;
}

async function draw(context: Context, runId: string, signal: AbortSignal): Promise<RunView> {
  const last = await watchProgress(context, runId, await pictureOf(context, runId), signal);
  await tellEnd(context, last);
  return last;
}

async function tellEnd(context: Context, last: RunView): Promise<void> {
  const { run } = await context.api().runs.getRun({ runId: last.runId, includeValues: true });
  if (run === undefined) return;
  const view = toRun(run);
  if (context.format !== 'table' && context.format !== 'wide') {
    printItem(context, { message: run, name: run.runId, text: () => '' });
    return;
  }
  say(context, headline(view, { nowMs: context.terminal.now(), style: context.errStyle }));
  if (view.error !== undefined) {
    say(context, `error ${view.error.code}: ${view.error.message}`);
    const tail = runTail(run.runId);
    say(context, `  next: yardmaster runs get ${tail}, or runs retry ${tail}`);
  }
  if (view.output.kind === 'value' && view.output.value !== null) printJson(context, view.output.value);
  if (view.output.kind === 'blob')
    say(context, `its output has ${view.output.size} bytes: runs get ${runTail(run.runId)}`);
}

async function writeEvents(context: Context, runId: string, signal: AbortSignal): Promise<RunView> {
  for await (const event of watchRunOnWire(context.api(), runId, { live: true, signal })) {
    printJson(context, protoJson(event));
  }
  return context.mesh().getRun(runId);
}
