import type { Command } from 'commander';
import type { Server, ServerOptions } from '../../control-plane/main.ts';
import { toYardmasterError } from '../../core/errors.ts';
import { times } from '../../core/limits.ts';
import { VERSION } from '../../core/version.ts';
import { type Context, say } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { readDuration, readPort } from '../options.ts';
import { isForPeople, printText } from '../print.ts';
import { plural } from '../render/text.ts';
import { roughly } from '../render/time.ts';
import { tellError } from '../tell-error.ts';
import type { Bind } from './group.ts';

/** A stop that takes longer than that is given up, so that the process is never killed in the middle of a write. */
const STOP_MS = 10_000;

interface ServeFlags {
  readonly host: string;
  readonly port: number;
  readonly store: string;
  readonly allowNonLoopback?: boolean;
  readonly lossWindow?: number;
  readonly retention?: number;
}

export function addServeCommand(program: Command, bind: Bind): void {
  program
    .command('serve')
    .description('run a control plane: agents, API and pages on one port')
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', '0: any free one', readPort, 7420)
    .option('--store <file>', 'SQLite file; "memory" keeps nothing', './yardmaster.db')
    .option('--allow-non-loopback', 'listen where other machines reach it: there is no authentication')
    .option('--loss-window <duration>', 'how long a lost agent may take to come back; default 30s', readDuration)
    .option('--retention <duration>', 'how long finished runs are kept; default 14d', readDuration)
    .action(bind(serve));
}

async function serve(context: Context, flags: ServeFlags): Promise<number> {
  const signals = listenForSignals();
  // Loaded here: no other command needs the whole control plane.
  const { startServer } = await import('../../control-plane/main.ts');
  const server = await startServer({ ...optionsOf(flags), onFatal: signals.fail });
  tellStarted(context, server, flags);
  const end = await signals.end;
  if (end.kind === 'fatal') {
    tellError(context, toYardmasterError(end.error));
    await withDeadline(server.stop());
    return exitCodes.bug;
  }
  say(context, `${end.signal}: stopping; again to leave at once`);
  return (await withDeadline(server.stop())) ? exitCodes.ok : exitCodes.bug;
}

function optionsOf(flags: ServeFlags): Omit<ServerOptions, 'onFatal'> {
  const { host, port, store, allowNonLoopback, lossWindow, retention } = flags;
  return {
    host,
    port,
    store: store === 'memory' ? { kind: 'memory' } : { kind: 'sqlite', file: store },
    ...(allowNonLoopback === true ? { allowNonLoopback } : {}),
    ...(lossWindow === undefined ? {} : { lossWindowMs: lossWindow }),
    ...(retention === undefined ? {} : { retentionMs: retention }),
  };
}

function tellStarted(context: Context, { url, controlPlane }: Server, flags: ServeFlags): void {
  const { node, recovered } = controlPlane;
  const { runs, leased } = recovered;
  if (!isForPeople(context)) {
    const line = { url, node, pid: process.pid, store: flags.store, version: VERSION, recovered: { runs, leased } };
    return context.terminal.out(`${JSON.stringify(line)}\n`);
  }
  const kept = flags.store === 'memory' ? 'memory' : `sqlite ${flags.store}`;
  printText(context, `Yardmaster ${VERSION}  node ${node}  ${kept}  agents, API: ${url}`);
  printText(context, flags.allowNonLoopback === true ? 'open to other machines, no auth' : 'loopback only, no auth');
  const window = roughly(flags.lossWindow ?? times.lossWindowMs);
  const waits = leased === 0 ? '' : `, ${plural(leased, 'attempt')} wait up to ${window} for their agents`;
  printText(context, runs === 0 ? 'ready' : `${plural(runs, 'open run')} recovered${waits}; ready`);
}

type End =
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }
  | { readonly kind: 'fatal'; readonly error: Error };

/** The first SIGTERM or SIGINT asks for a stop in order; the second one leaves at once. */
function listenForSignals(): { readonly end: Promise<End>; readonly fail: (error: Error) => void } {
  const { promise: end, resolve } = Promise.withResolvers<End>();
  let isStopping = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (isStopping) process.exit(exitCodes.interrupted);
    isStopping = true;
    resolve({ kind: 'signal', signal });
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return { end, fail: (error) => resolve({ kind: 'fatal', error }) };
}

/** False when it took too long. */
async function withDeadline(stopped: Promise<void>): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), STOP_MS);
  try {
    return await Promise.race([stopped.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
