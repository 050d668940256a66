/** MCP over the standard streams of this process, for a host that starts it. */
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import type { ToolServers } from './server.ts';

/** Resolves when the host has closed its end, or `signal` aborts. */
export async function serveOverStdio(
  servers: ToolServers,
  { signal, onError }: { readonly signal: AbortSignal; readonly onError: (error: Error) => void },
): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    process.stdin.once('close', resolve).once('end', resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const handle = serveStdio(
    () => {
      const server = servers.create();
      const off = servers.tools.onChange(() => void server.sendToolListChanged().catch(() => {}));
      server.onclose = () => void off();
      return server;
    },
    { transport: new StdioServerTransport(), onerror: onError },
  );
  await ended;
  await servers.close();
  await handle.close();
}
