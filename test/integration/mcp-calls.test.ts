/** What a call over HTTP carries besides its output, how large that may be, and the sessions of hosts of earlier revisions. */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { Agent } from '../../src/agent-sdk/index.ts';
import { Orchestrator as Remote } from '../../src/client/index.ts';
import { Orchestrator } from '../../src/embedded/index.ts';
import { type McpHttpServer, onlyNames, serveOverHttp, ToolServers } from '../../src/mcp/index.ts';
import { Sessions } from '../../src/mcp/sessions.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

let mesh: Orchestrator;
let agent: Agent;
let remote: Remote;
let server: McpHttpServer | undefined;
/** Of earlier tests. */
let old: ReadonlySet<string>;
const errors: Error[] = [];
const clients: Client[] = [];

beforeAll(async () => {
  mesh = new Orchestrator();
  const url = await mesh.url();
  agent = new Agent({ id: 'writer', url });
  agent.handle('text.write', (input) => 'x'.repeat(Number((input as { readonly chars: number }).chars)));
  agent.handle('text.echo', (input) => input);
  await agent.start();
  await mesh.registerWorkflow({
    name: 'Write',
    steps: [{ id: 'write', action: 'text.write', parameters: { chars: '${{ params.chars }}' } }],
    output: '${{ steps.write.output }}',
  });
  remote = new Remote({ url });
  await remote.ready();
});

afterAll(async () => {
  await remote.close();
  await agent.stop({ graceMs: 0 });
  await mesh[Symbol.asyncDispose]();
});

beforeEach(async () => {
  old = new Set((await remote.listRuns({ limit: 1_000 })).map(({ runId }) => runId));
});

afterEach(async () => {
  vi.restoreAllMocks();
  for (const client of clients.splice(0)) await client.close();
  await server?.close();
  server = undefined;
  expect(errors.splice(0)).toEqual([]);
});

async function runs() {
  return (await remote.listRuns({ limit: 1_000 })).filter(({ runId }) => !old.has(runId));
}

type Era = 'legacy' | 'auto';

async function serve(only: readonly string[] = []): Promise<string> {
  const servers = new ToolServers(remote, onlyNames(only));
  server = await serveOverHttp(servers, { port: 0, onError: (error) => errors.push(error) });
  return server.url;
}

async function connect(era: Era, only: readonly string[] = []): Promise<Client> {
  const url = await serve(only);
  const client = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode: era } });
  clients.push(client);
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  return client;
}

const textOf = (result: { content: readonly { type: string; text?: string }[] }) => result.content[0]?.text ?? '';

describe.each<Era>(['legacy', 'auto'])('over HTTP, %s', (era) => {
  test('an output of up to 1 MiB comes whole', async () => {
    const client = await connect(era);
    const chars = MIB - 16;
    const written = await client.callTool({ name: 'text_write', arguments: { chars } });
    expect(written.isError).not.toBe(true);
    expect(textOf(written)).toHaveLength(chars);
  });

  test('a larger one is described and not read, and the call counts as made', async () => {
    const client = await connect(era);
    const download = vi.spyOn(remote.api.blobs, 'download');
    for (const name of ['text_write', 'run_Write']) {
      const written = await client.callTool({ name, arguments: { chars: 3 * MIB } });
      expect(written.isError).toBe(true);
      expect(textOf(written)).toMatch(
        /^The call is done and need not be made again, but its output has 31457\d\d bytes: at most 1048576 are shown\nnext: yardmaster runs get \w+$/,
      );
    }
    expect(download).not.toHaveBeenCalled();
    expect((await runs()).map(({ status }) => status)).toEqual(['COMPLETED', 'COMPLETED']);
  });

  test('arguments that are too large are refused, and the next call is answered', async () => {
    const client = await connect(era);
    const large = await client.callTool({ name: 'text_echo', arguments: { text: 'x'.repeat(MIB) } });
    expect(textOf(large)).toMatch(/^INVALID_ARGUMENT: .*at most 1048576 are allowed/);
    const huge = client.callTool({ name: 'text_echo', arguments: { text: 'x'.repeat(5 * MIB) } });
    await expect(huge).rejects.toThrow(/4 MiB/);
    expect((await client.callTool({ name: 'text_echo', arguments: { a: 1 } })).structuredContent).toEqual({ a: 1 });
  });

  test('an answer names its run, and a call with the same request id is not made again', async () => {
    const client = await connect(era);
    const call = (input: object, _meta?: Record<string, unknown>) =>
      client.callTool({ name: 'text_echo', arguments: { ...input }, ...(_meta === undefined ? {} : { _meta }) });
    const requestId = `order-${era}`;
    const mine = { 'yardmaster/requestId': requestId };
    const first = await call({ a: 1 }, mine);
    expect(await call({ a: 1 }, mine)).toEqual(first);
    const [run, ...others] = await runs();
    expect(others).toEqual([]);
    expect(first._meta).toMatchObject({ 'yardmaster/requestId': requestId, 'yardmaster/runId': run?.runId });
    const other = await call({ a: 2 }, mine);
    expect(textOf(other)).toMatch(/^REQUEST_ID_\w+: /);
    const plain = await call({ a: 1 });
    expect(plain._meta?.['yardmaster/requestId']).toMatch(/^[0-9a-f-]{36}$/);
    expect(await runs()).toHaveLength(2);
  });

  test('what is not among the names that are offered cannot be called', async () => {
    const client = await connect(era, ['text.e*', 'Write']);
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['text_echo', 'run_Write']);
    await expect(client.callTool({ name: 'text_write', arguments: { chars: 1 } })).rejects.toThrow('Unknown tool');
    expect(await runs()).toEqual([]);
  });
});

test('what is no message is answered as the protocol says', async () => {
  const url = await serve();
  const post = async (body: string, type = 'application/json') => {
    const headers = { 'content-type': type, accept: 'application/json, text/event-stream' };
    return (await fetch(url, { method: 'POST', headers, body })).status;
  };
  expect([await post('{'), await post(''), await post('[]'), await post('null')]).toEqual([400, 400, 400, 400]);
  expect(await post('{}', 'text/plain')).toBe(415);
  expect(errors.splice(0).length).toBeGreaterThan(0);
});

describe('sessions', () => {
  const INITIALIZE = {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
  };

  /** Of one request; `end` is what the end of its answer is to the server. */
  function ask(sessions: Sessions, method: string, id?: string, body?: unknown) {
    const gone = new AbortController();
    const headers = {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      ...(id === undefined ? {} : { 'mcp-session-id': id }),
    };
    const request = new Request('http://127.0.0.1/mcp', { method, headers, signal: gone.signal });
    const answer = sessions.answer(request, body);
    // Held, as the server holds it: see http.ts.
    return { answer, request, end: () => gone.abort() };
  }

  async function begin(sessions: Sessions): Promise<string> {
    const { answer, end } = ask(sessions, 'POST', undefined, INITIALIZE);
    const id = (await answer)?.headers.get('mcp-session-id') ?? '';
    end();
    return id;
  }

  test('the one that was silent the longest makes room, and its host is told to begin another', async () => {
    const sessions = new Sessions(new ToolServers(remote), 2);
    const [first, second] = [await begin(sessions), await begin(sessions)];
    const ping = { jsonrpc: '2.0', id: 2, method: 'ping' };
    const pinged = ask(sessions, 'POST', first, ping);
    expect((await pinged.answer)?.status).toBe(200);
    pinged.end();
    await begin(sessions);
    expect((await ask(sessions, 'POST', second, ping).answer)?.status).toBe(404);
    expect((await ask(sessions, 'POST', first, ping).answer)?.status).toBe(200);
    await sessions.close();
    expect(sessions.size).toBe(0);
  });

  test('one with an open request makes none', async () => {
    const sessions = new Sessions(new ToolServers(remote), 1);
    const first = await begin(sessions);
    const stream = ask(sessions, 'GET', first);
    expect((await stream.answer)?.status).toBe(200);
    expect((await ask(sessions, 'POST', undefined, INITIALIZE).answer)?.status).toBe(503);
    stream.end();
    expect(await begin(sessions)).not.toBe('');
    await sessions.close();
  });

  test('a host ends its own', async () => {
    const sessions = new Sessions(new ToolServers(remote));
    const first = await begin(sessions);
    expect((await ask(sessions, 'DELETE', first).answer)?.status).toBe(200);
    expect(sessions.size).toBe(0);
    expect((await ask(sessions, 'GET', first).answer)?.status).toBe(404);
  });

  test('what begins none and names none is for others', async () => {
    const sessions = new Sessions(new ToolServers(remote));
    expect(await ask(sessions, 'POST', undefined, { jsonrpc: '2.0', id: 1, method: 'ping' }).answer).toBeUndefined();
    expect(sessions.size).toBe(0);
  });
});
