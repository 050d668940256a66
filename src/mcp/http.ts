/** MCP over HTTP, for many hosts at once. */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  createMcpHandler,
  hostHeaderValidationResponse,
  isJsonContentType,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  originValidationResponse,
  readRequestBody,
} from '@modelcontextprotocol/server';
import type { ToolServers } from './server.ts';
import { Sessions } from './sessions.ts';

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
  const sessions = new Sessions(servers);
  const off = servers.tools.onChange(() => handler.notify.toolsChanged());
  const handle: Handle = async (request, parsedBody) =>
    (await sessions.answer(request, parsedBody)) ??
    handler.fetch(request, parsedBody === undefined ? {} : { parsedBody });
  const server = createHttpServer((request, response) => {
    answer(request, response, handle).catch((error: unknown) => {
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
      await sessions.close();
      await handler.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Without `parsedBody` the body is still to be read, or there is none. */
type Handle = (request: Request, parsedBody?: unknown) => Promise<Response>;

/** A request that nobody holds does not abort its signal when that which it was made with does. */
const held = new Set<Request>();

async function answer(request: IncomingMessage, response: ServerResponse, handle: Handle): Promise<void> {
  const gone = new AbortController();
  const asked = toRequest(request, gone.signal);
  held.add(asked);
  response.once('close', () => {
    gone.abort();
    held.delete(asked);
  });
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
  if (request.method !== 'POST' || !isJsonContentType(request.headers.get('content-type'))) return handle(request);
  const read = await readRequestBody(request);
  if (read.tooLarge) return new Response('A message has at most 4 MiB\n', { status: 413 });
  const parsedBody = parse(read.text);
  // Parsed here, since a copy of the request, which it would take else, does not hear that the host is gone.
  if (parsedBody !== undefined) return handle(request, parsedBody);
  const { url, method, headers } = request;
  return handle(new Request(url, { method, headers, body: read.text }));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
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
