/** Servers of the protocol, one for each host or request: they list the tools of the fleet as it is now, and call them. */
import {
  type CallToolResult,
  ProtocolError,
  ProtocolErrorCode,
  Server,
  type ServerContext,
} from '@modelcontextprotocol/server';
import type { Orchestrator } from '../client/index.ts';
import { isJsonObject } from '../core/json.ts';
import { VERSION } from '../core/version.ts';
import { type CallOptions, callTool } from './call.ts';
import { ToolList } from './tool-list.ts';

const INSTRUCTIONS =
  'Tools of a Yardmaster mesh. A tool named run_... runs a whole workflow; every other tool is one capability of the agents. ' +
  'Each call is a durable run; an error names its code and what to do next.';

export class ToolServers {
  readonly tools: ToolList;
  readonly #mesh: Orchestrator;
  readonly #calls = new Set<Promise<CallToolResult>>();
  readonly #closing = new AbortController();

  constructor(mesh: Orchestrator) {
    this.#mesh = mesh;
    this.tools = new ToolList(mesh);
  }

  create(): Server {
    const server = new Server(
      { name: 'yardmaster', title: 'Yardmaster', version: VERSION },
      { capabilities: { tools: { listChanged: true } }, instructions: INSTRUCTIONS },
    );
    server.setRequestHandler('tools/list', async () => ({ tools: (await this.tools.read()).map(({ tool }) => tool) }));
    server.setRequestHandler('tools/call', async ({ params }, { mcpReq }) => {
      const found = (await this.tools.read()).find(({ tool }) => tool.name === params.name);
      if (found === undefined)
        throw new ProtocolError(
          ProtocolErrorCode.InvalidParams,
          `Unknown tool "${params.name.slice(0, 128)}": nothing on offer has this name`,
        );
      const given: unknown = params.arguments ?? {};
      const call = callTool(found, isJsonObject(given) ? given : {}, {
        mesh: this.#mesh,
        signal: AbortSignal.any([mcpReq.signal, this.#closing.signal]),
        onProgress: progressOf(mcpReq),
      });
      return server.projectCallToolResult(await this.#kept(call), found.tool.outputSchema);
    });
    return server;
  }

  /** Cancels the runs of all open calls; resolves when the control plane knows. */
  async close(): Promise<void> {
    this.tools.close();
    this.#closing.abort();
    await Promise.allSettled(this.#calls);
  }

  async #kept(call: Promise<CallToolResult>): Promise<CallToolResult> {
    this.#calls.add(call);
    try {
      return await call;
    } finally {
      this.#calls.delete(call);
    }
  }
}

function progressOf({ _meta, notify }: ServerContext['mcpReq']): CallOptions['onProgress'] {
  const progressToken = _meta?.progressToken;
  if (progressToken === undefined) return undefined;
  return (progress, message) => {
    const params = { progressToken, progress, total: 100, message };
    // Where the caller is gone its signal says so.
    notify({ method: 'notifications/progress', params }).catch(() => {});
  };
}
