/** MCP over HTTP, for many hosts at once. */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  createMcpHandler,
  hostHeaderValidationResponse,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  originValidationResponse,
} from '@modelcontextprotocol/server';
import type { ToolServers } from './server.ts';

export interface HttpOptions {
  readonly onError: (error: Error) => void;
  /** 0: any free one. */
  readonly port: number;
}

export interface McpHttpServer {
  readonly url: string;
  close(): Promise<void>;
}

const PATH = '/mcp';
const HOST = '127.0.0.1';

/** On the loopback only: whoever gets here can do everything that the fleet can. */
export async function serveOverHttp(servers: ToolServers, { onError, port }: HttpOptions): Promise<McpHttpServer> {
  const handler = createMcpHandler(() => servers.create(), { onerror: onError });
  const off = servers.tools.onChange(() => handler.notify.toolsChanged());
  const server = createHttpServer((request, response) => {
    answer(request, response, (each) => handler.fetch(each)).catch((error: unknown) => {
      if (!request.destroyed) onError(error instanceof Error ? error : new Error(String(error)));
      response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, HOST, resolve));
  // A server that listens on a port has an address of this kind.
  const { port: actual } = server.address() as AddressInfo;
  return {
    url: `http://${HOST}:${actual}${PATH}`,
    async close() {
      off();
      await servers.close();
      await handler.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type Handle = (request: Request) => Promise<Response>;

async function answer(request: IncomingMessage, response: ServerResponse, handle: Handle): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const asked = toRequest(request, gone.signal);
  const { status, headers, body } = await respond(asked, handle);
  response.writeHead(status, [...headers].flat());
  if (body === null) response.end();
  // Whoever hangs up ends it: there is nobody to tell.
  else await pipeline(Readable.fromWeb(body), response).catch(() => {});
}

/** A page of another origin, or a name that leads here by a trick of DNS, gets nothing. */
async function respond(request: Request, handle: Handle): Promise<Response> {
  const refused =
    hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
    originValidationResponse(request, localhostAllowedOrigins());
  if (refused !== undefined) return refused;
  if (new URL(request.url).pathname !== PATH) return new Response(`MCP is at ${PATH}\n`, { status: 404 });
  return handle(request);
}

function toRequest(request: IncomingMessage, signal: AbortSignal): Request {
  const { method = 'GET', url = '/', rawHeaders } = request;
  const named = new Headers();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) named.append(rawHeaders[i] ?? '', rawHeaders[i + 1] ?? '');
  const hasBody = method !== 'GET' && method !== 'HEAD';
  // Its path: whom it names is in the header, which is looked at.
  return new Request(new URL(url, `http://${HOST}`), {
    method,
    headers: named,
    signal,
    ...(hasBody ? { body: Readable.toWeb(request), duplex: 'half' } : {}),
  });
}
