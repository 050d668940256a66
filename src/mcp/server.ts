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
import { type CallOptions, callTool, REQUEST_ID_KEY } from './call.ts';
import type { Only } from './only.ts';
import { ToolList } from './tool-list.ts';

const INSTRUCTIONS =
  'Tools of a Yardmaster mesh. A tool named run_... runs a whole workflow; every other tool is one capability of the agents. ' +
  'Each call is a durable run; an error names its code and what to do next.';

export class ToolServers {
  readonly tools: ToolList;
  readonly #mesh: Orchestrator;
  readonly #calls = new Set<Promise<CallToolResult>>();
  readonly #closing = new AbortController();

  /** `only`: the names that are offered. */
  constructor(mesh: Orchestrator, only?: Only) {
    this.#mesh = mesh;
    this.tools = new ToolList(mesh, only);
  }

  create(): Server {
    const server = new Server(
      { name: 'yardmaster', title: 'Yardmaster', version: VERSION },
      { capabilities: { tools: { listChanged: true } }, instructions: INSTRUCTIONS },
    );
    server.setRequestHandler('tools/list', async () => ({ tools: (await this.tools.read()).map(({ tool }) => tool) }));
    server.setRequestHandler('tools/call', async ({ params }, { mcpReq, http }) => {
      const found = (await this.tools.read()).find(({ tool }) => tool.name === params.name);
      if (found === undefined)
        throw new ProtocolError(
          ProtocolErrorCode.InvalidParams,
          `Unknown tool "${params.name.slice(0, 128)}": nothing on offer has this name`,
        );
      const given: unknown = params.arguments ?? {};
      const call = callTool(found, isJsonObject(given) ? given : {}, {
        mesh: this.#mesh,
        requestId: requestIdOf(mcpReq),
        // A host that hangs up in a session does not call off, but nobody could be told the answer.
        signal: AbortSignal.any([mcpReq.signal, this.#closing.signal, ...(http?.req ? [http.req.signal] : [])]),
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

/** The control plane says what is wrong with one that is too long. */
function requestIdOf({ _meta }: ServerContext['mcpReq']): string {
  const given = _meta?.[REQUEST_ID_KEY];
  return typeof given === 'string' && given !== '' ? given : crypto.randomUUID();
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
