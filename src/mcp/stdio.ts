/** MCP over the standard streams of this process, for a host that starts it. */
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import type { Orchestrator } from '../client/index.ts';
import type { Fleet } from './fleet.ts';
import { createServer } from './server.ts';

export interface StdioOptions {
  readonly mesh: Orchestrator;
  readonly fleet: Fleet;
  readonly onError: (error: Error) => void;
}

/** Resolves when the host has closed the stream. */
export async function runOverStdio({ mesh, fleet, onError }: StdioOptions): Promise<void> {
  const transport = new StdioServerTransport();
  const ended = new Promise<void>((resolve) => process.stdin.once('close', resolve).once('end', resolve));
  const handle = serveStdio(
    () => {
      const server = createServer(mesh, fleet);
      const off = fleet.onChange(() => void server.sendToolListChanged().catch(() => {}));
      server.onclose = () => void off();
      return server;
    },
    { transport, onerror: onError },
  );
  await ended;
  await handle.close();
}
