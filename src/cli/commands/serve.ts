import type { Command } from 'commander';
import type { startConfiguredServer } from '../../control-plane/main.ts';
import { toYardmasterError } from '../../core/errors.ts';
import { VERSION } from '../../core/version.ts';
import { type Context, say } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { readPort } from '../options.ts';
import { isForPeople, printText } from '../print.ts';
import { plural } from '../render/text.ts';
import { roughly } from '../render/time.ts';
import { tellError } from '../tell-error.ts';
import type { Bind } from './group.ts';

/**
 * A stop that takes longer than that beside the setting `stopGrace` is given up, so that the process is never killed in
 * the middle of a write.
 */
const STOP_MS = 7_000;

interface ServeFlags {
  readonly config?: string;
  readonly host?: string;
  readonly port?: number;
  readonly store?: string;
  readonly allowNonLoopback?: boolean;
  readonly channelz?: boolean;
  readonly lossWindow?: string;
  readonly retention?: string;
  readonly logLevel?: string;
}

export function addServeCommand(program: Command, bind: Bind): void {
  program
    .command('serve')
    .description('run a control plane: agents, API and pages on one port')
    .option('--config <file>', 'YAML; flags and YARDMASTER_* variables go before it')
    .option('--host <host>', 'address to listen on; default 127.0.0.1')
    .option('--port <port>', '0: any free one; default 7420', readPort)
    .option('--store <file>', 'SQLite file, default ./yardmaster.db; "memory" keeps nothing')
    .option('--allow-non-loopback', 'listen where other machines reach it: there is no authentication')
    .option('--channelz', 'show connections and calls of gRPC as grpc.channelz.v1')
    .option('--loss-window <duration>', 'how long a lost agent may take to come back; default 30s')
    .option('--retention <duration>', 'how long finished runs are kept; default 14d')
    .option('--log-level <level>', 'debug, info, warn, error or silent: JSON lines on stderr')
    .action(bind(serve));
}

async function serve(context: Context, flags: ServeFlags): Promise<number> {
  using signals = listenForSignals();
  // Loaded here: no other command needs the whole control plane.
  const { startConfiguredServer } = await import('../../control-plane/main.ts');
  const started = await startConfiguredServer(sourcesOf(context, flags), signals.fail);
  tellStarted(context, started);
  const end = await signals.end;
  if (end.kind === 'fatal') tellError(context, toYardmasterError(end.error));
  else say(context, `${end.signal}: stopping; again to leave at once`);
  const isStopped = await withDeadline(started.server.stop(), started.config.stopGrace + STOP_MS);
  return isStopped && end.kind === 'signal' ? exitCodes.ok : exitCodes.bug;
}

type Sources = Parameters<typeof startConfiguredServer>[0];
type Started = Awaited<ReturnType<typeof startConfiguredServer>>;

function sourcesOf({ terminal }: Context, flags: ServeFlags): Sources {
  const { config, host, port, store, allowNonLoopback, channelz, lossWindow, retention, logLevel } = flags;
  // A person who looks on reads the lines on stdout; only trouble belongs between them.
  const isWatched = terminal.errIsTty && config === undefined && terminal.env.YARDMASTER_LOG_LEVEL === undefined;
  return {
    env: terminal.env,
    ...(config === undefined ? {} : { file: config }),
    flags: {
      'listen.host': host,
      'listen.port': port,
      'listen.allowNonLoopback': allowNonLoopback,
      'listen.channelz': channelz,
      'store.kind': store === 'memory' ? 'memory' : undefined,
      'store.file': store === 'memory' ? undefined : store,
      lossWindow,
      retention,
      'log.level': logLevel ?? (isWatched ? 'warn' : undefined),
    },
  };
}

function tellStarted(context: Context, { server, config }: Started): void {
  const { url, controlPlane } = server;
  const { node, recovered } = controlPlane;
  const { runs, queued, leased } = recovered;
  const store = config.store.kind === 'memory' ? 'memory' : config.store.file;
  if (!isForPeople(context)) {
    const line = { url, node, pid: process.pid, store, version: VERSION, recovered: { runs, queued, leased } };
    return context.terminal.out(`${JSON.stringify(line)}\n`);
  }
  const kept = config.store.kind === 'memory' ? 'memory' : `sqlite ${store}`;
  printText(context, `Yardmaster ${VERSION}  node ${node}  ${kept}  agents, API: ${url}`);
  printText(context, config.listen.allowNonLoopback ? 'open to other machines, no auth' : 'loopback only, no auth');
  const waits = `${plural(leased, 'attempt')} wait up to ${roughly(config.lossWindow)} for their agents`;
  const queue = queued === 0 ? '' : `, ${queued} queued`;
  const recovery = `${queue}${leased === 0 ? '' : `, ${waits}`}`;
  printText(context, runs + queued === 0 ? 'ready' : `${plural(runs, 'open run')} recovered${recovery}; ready`);
}

type End =
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }
  | { readonly kind: 'fatal'; readonly error: Error };

/** The first SIGTERM or SIGINT asks for a stop in order; the second one leaves at once. */
function listenForSignals(): Disposable & { readonly end: Promise<End>; readonly fail: (error: Error) => void } {
  const { promise: end, resolve } = Promise.withResolvers<End>();
  let isStopping = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (isStopping) process.exit(exitCodes.interrupted);
    isStopping = true;
    resolve({ kind: 'signal', signal });
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return {
    end,
    fail: (error) => resolve({ kind: 'fatal', error }),
    [Symbol.dispose]() {
      process.off('SIGTERM', onSignal);
      process.off('SIGINT', onSignal);
    },
  };
}

/** False when it took too long. */
async function withDeadline(stopped: Promise<void>, timeoutMs: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), timeoutMs);
  try {
    return await Promise.race([stopped.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
