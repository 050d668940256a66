/** `mcp`: what the fleet can do, as tools of the Model Context Protocol. */
import type { Command } from 'commander';
import { type Context, say } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { readPort } from '../options.ts';
import { safe } from '../render/text.ts';
import type { Bind } from './group.ts';

interface Flags {
  readonly http?: boolean;
  readonly port?: number;
}

const DEFAULT_PORT = 7421;

export function addMcpCommand(program: Command, bind: Bind): void {
  program
    .command('mcp')
    .description('offer capabilities and workflows as MCP tools, over stdio or HTTP')
    .option('--http', 'serve HTTP on the loopback instead, for many hosts')
    .option('--port <port>', `of --http; 0: any free one; default ${DEFAULT_PORT}`, readPort)
    .addHelpText('after', '\nHosts: docs/howto/mcp.md')
    .action(bind(serveMcp));
}

async function serveMcp(context: Context, { http = false, port = DEFAULT_PORT }: Flags): Promise<number> {
  // Loaded here: no other command needs it.
  const { Fleet, runOverStdio, serveHttp } = await import('../../mcp/index.ts');
  const mesh = context.mesh();
  await mesh.ready();
  const fleet = new Fleet(mesh, context.api());
  const onError = (error: Error): void => say(context, `mcp: ${safe(error.message)}`);
  const stop = new AbortController();
  const end = (): void => stop.abort();
  const off = context.terminal.onInterrupt(end);
  process.once('SIGTERM', end);
  try {
    await fleet.watch();
    if (http) {
      const server = await serveHttp({ mesh, fleet, onError, port });
      say(context, `MCP at ${server.url}, for the control plane at ${context.url}`);
      await aborted(stop.signal);
      await server.close();
    } else await Promise.race([runOverStdio({ mesh, fleet, onError }), aborted(stop.signal)]);
  } finally {
    fleet.close();
    off();
    process.off('SIGTERM', end);
  }
  return exitCodes.ok;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
