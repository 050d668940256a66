/** `mcp`: what the fleet can do, as tools of the Model Context Protocol. */
import { once } from 'node:events';
import type { Command } from 'commander';
import { type Context, say } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { collect, readPort, usageError } from '../options.ts';
import { safe } from '../render/text.ts';
import type { Bind } from './group.ts';

interface Flags {
  readonly http?: boolean;
  readonly only: readonly string[];
  readonly port?: number;
}

const DEFAULT_PORT = 7421;

export function addMcpCommand(program: Command, bind: Bind): void {
  program
    .command('mcp')
    .description('offer capabilities and workflows as MCP tools, over stdio or HTTP')
    .option('--http', 'serve HTTP on the loopback instead, for many hosts')
    .option('--port <port>', `of --http; 0: any free one; default ${DEFAULT_PORT}`, readPort)
    .option(
      '--only <name>',
      'offer this capability or workflow and no others; math.* for many; repeatable',
      collect,
      [],
    )
    .addHelpText('after', '\nHosts: docs/howto/mcp.md')
    .action(bind(serveMcp));
}

async function serveMcp(context: Context, { http = false, only, port }: Flags): Promise<number> {
  if (!http && port !== undefined) throw usageError('Cannot listen on a port over stdio: --port goes with --http');
  // Loaded here: no other command needs it.
  const { onlyNames, serveOverHttp, serveOverStdio, ToolServers } = await import('../../mcp/index.ts');
  const mesh = context.mesh();
  await mesh.ready();
  const servers = new ToolServers(mesh, onlyNames(only));
  const onError = (error: Error): void => say(context, `mcp: ${safe(error.message)}`);
  const stop = new AbortController();
  const { signal } = stop;
  const end = (): void => stop.abort();
  const off = context.terminal.onInterrupt(end);
  process.once('SIGTERM', end);
  try {
    await servers.tools.watch();
    if (!http) await serveOverStdio(servers, { signal, onError });
    else {
      const server = await serveOverHttp(servers, { port: port ?? DEFAULT_PORT, onError });
      say(context, `MCP at ${server.url}, for the control plane at ${context.url}`);
      if (!signal.aborted) await once(signal, 'abort');
      await server.close();
    }
  } finally {
    await servers.close();
    off();
    process.off('SIGTERM', end);
  }
  return exitCodes.ok;
}
