/** The server of the protocol: lists the tools of a fleet as it is now, and calls them. */
import { ProtocolError, ProtocolErrorCode, Server } from '@modelcontextprotocol/server';
import type { Orchestrator } from '../client/index.ts';
import { isJsonObject } from '../core/json.ts';
import { VERSION } from '../core/version.ts';
import { callTool } from './call.ts';
import type { Fleet } from './fleet.ts';

const INSTRUCTIONS =
  'Tools of a Yardmaster mesh. A tool named run_... runs a whole workflow; every other tool is one capability of the agents. ' +
  'Each call is a durable run; an error names its code and what to do next.';

export function createServer(mesh: Orchestrator, fleet: Fleet): Server {
  const server = new Server(
    { name: 'yardmaster', title: 'Yardmaster', version: VERSION },
    { capabilities: { tools: { listChanged: true } }, instructions: INSTRUCTIONS },
  );
  server.setRequestHandler('tools/list', async () => ({ tools: (await fleet.tools()).map(({ tool }) => tool) }));
  server.setRequestHandler('tools/call', async ({ params }, { mcpReq }) => {
    const found = (await fleet.tools()).find(({ tool }) => tool.name === params.name);
    if (found === undefined)
      throw new ProtocolError(
        ProtocolErrorCode.InvalidParams,
        `Unknown tool "${params.name.slice(0, 128)}": nothing on offer has this name`,
      );
    const token = mcpReq._meta?.progressToken;
    const onProgress =
      token === undefined
        ? undefined
        : (progress: number, message: string): void => {
            const notified = mcpReq.notify({
              method: 'notifications/progress',
              params: { progressToken: token, progress, total: 100, message },
            });
            // The caller is gone: the result will find that out.
            notified.catch(() => {});
          };
    const given: unknown = params.arguments ?? {};
    const result = await callTool(found, isJsonObject(given) ? given : {}, { mesh, signal: mcpReq.signal, onProgress });
    return server.projectCallToolResult(result, found.tool.outputSchema);
  });
  return server;
}
