/** MCP over the standard streams of this process, for a host that starts it. */
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import type { ToolServers } from './server.ts';

/**
 * Resolves when the host is gone or `signal` aborts. It is gone when it has closed an end of a pipe, and when it sent a
 * message that is too large (10 MiB): what follows that cannot be read.
 */
export async function serveOverStdio(
  servers: ToolServers,
  { signal, onError }: { readonly signal: AbortSignal; readonly onError: (error: Error) => void },
): Promise<void> {
  const transport = new StdioServerTransport();
  const handle = serveStdio(
    () => {
      const server = servers.create();
      const off = servers.tools.onChange(() => void server.sendToolListChanged().catch(() => {}));
      server.onclose = () => void off();
      return server;
    },
    { transport, onerror: onError },
  );
  await ended(transport, signal);
  await servers.close();
  await handle.close();
}

/** The transport belongs to the SDK by now, which has to hear of its end, too. */
function ended(transport: StdioServerTransport, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const told = transport.onclose;
    transport.onclose = () => {
      told?.();
      resolve();
    };
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
