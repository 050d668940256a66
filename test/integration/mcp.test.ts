/** The tools of a fleet, as the official client of the protocol sees them, over HTTP and in both of its eras. */
import { once } from 'node:events';
import { request } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Agent } from '../../src/agent-sdk/index.ts';
import { Orchestrator as Remote } from '../../src/client/index.ts';
import { capability } from '../../src/core/capability.ts';
import { Orchestrator } from '../../src/embedded/index.ts';
import { type McpHttpServer, serveOverHttp, ToolServers } from '../../src/mcp/index.ts';
import { eventually } from './transport/rig.ts';

const add = capability('math.add', {
  version: '1.2.0',
  description: 'Adds two numbers',
  idempotent: true,
  input: z.object({ a: z.number(), b: z.number() }),
  output: z.object({ sum: z.number() }),
});
const shout = capability('shout', { input: z.string(), output: z.string() });
const slow = capability('slow', { input: z.object({}), output: z.object({}) });

let mesh: Orchestrator;
let agent: Agent;
let remote: Remote;
let server: McpHttpServer;
let finish: () => void;
let halfWay: () => void;
let started: Promise<void>;
let stopped: Promise<void>;
const errors: Error[] = [];
const clients: Client[] = [];

beforeEach(async () => {
  mesh = new Orchestrator();
  const url = await mesh.url();
  let hasStarted = (): void => {};
  let wasStopped = (): void => {};
  started = new Promise((resolve) => (hasStarted = resolve));
  halfWay = () => {};
  stopped = new Promise((resolve) => (wasStopped = resolve));
  agent = new Agent({ id: 'adder', url });
  agent.handle(add, ({ a, b }) => ({ sum: a + b })).handle(shout, (text) => text.toUpperCase());
  agent.handle(slow, async (_, ctx) => {
    hasStarted();
    halfWay = () => ctx.progress(0.5, 'half way');
    ctx.signal.addEventListener('abort', wasStopped);
    await new Promise<void>((resolve) => (finish = resolve));
    return {};
  });
  await agent.start();
  await mesh.registerWorkflow({
    name: 'Twice',
    description: 'Adds a number to itself',
    parameters: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] },
    steps: [{ id: 'sum', action: 'math.add', parameters: { a: '${{ params.n }}', b: '${{ params.n }}' } }],
    output: '${{ steps.sum.output }}',
  });
  remote = new Remote({ url });
  await remote.ready();
  const servers = new ToolServers(remote);
  await servers.tools.watch();
  server = await serveOverHttp(servers, { port: 0, onError: (error) => errors.push(error) });
});

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await server.close();
  await remote.close();
  await agent.stop({ graceMs: 0 });
  await mesh[Symbol.asyncDispose]();
  expect(errors.splice(0)).toEqual([]);
});

type Era = 'legacy' | 'auto';

async function connect(era: Era, onChanged?: (names: readonly string[]) => void): Promise<Client> {
  const listChanged = {
    tools: {
      debounceMs: 0,
      onChanged: (_: unknown, tools: readonly { name: string }[] | null) =>
        onChanged?.((tools ?? []).map(({ name }) => name)),
    },
  };
  const client = new Client(
    { name: 'test', version: '1.0.0' },
    { versionNegotiation: { mode: era }, ...(onChanged === undefined ? {} : { listChanged }) },
  );
  clients.push(client);
  await client.connect(new StreamableHTTPClientTransport(new URL(server.url)));
  return client;
}

/** Once the handler of `slow` was told to stop. */
async function endOfRun(): Promise<string | undefined> {
  await stopped;
  finish();
  const [run] = await remote.listRuns();
  // Ends with the run.
  for await (const _ of remote.watchRun(run?.runId ?? ''));
  return (await remote.listRuns())[0]?.status;
}

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const textOf = (result: { content: readonly { type: string; text?: string }[] }) => result.content[0]?.text;

describe.each<Era>(['legacy', 'auto'])('over HTTP, %s', (era) => {
  test('capabilities and workflows are tools, with their schemas', async () => {
    const client = await connect(era);
    const { tools } = await client.listTools();
    expect(tools.map(({ name, title }) => `${name}: ${title}`)).toEqual([
      'math_add: math.add 1.2.0',
      'shout: shout',
      'slow: slow',
      'run_Twice: Twice',
    ]);
    expect(tools[0]).toMatchObject({
      description: 'Adds two numbers\n\nDone by agent adder.',
      inputSchema: { type: 'object', required: ['a', 'b'] },
      outputSchema: { type: 'object', required: ['sum'] },
      annotations: { idempotentHint: true },
    });
    expect(tools[1]?.inputSchema).toMatchObject({ properties: { input: { type: 'string' } }, required: ['input'] });
  });

  test('a call is a run, and its output the answer', async () => {
    const client = await connect(era);
    const sum = await client.callTool({ name: 'math_add', arguments: { a: 2, b: 3 } });
    expect(sum.structuredContent).toEqual({ sum: 5 });
    const twice = await client.callTool({ name: 'run_Twice', arguments: { n: 4 } });
    expect(twice.structuredContent).toEqual({ sum: 8 });
    expect(textOf(await client.callTool({ name: 'shout', arguments: { input: 'hello' } }))).toBe('HELLO');
    const runs = await remote.listRuns();
    expect(runs.map(({ workflow, status }) => `${workflow} ${status}`).sort()).toEqual([
      'Twice COMPLETED',
      'yardmaster.call.math.add COMPLETED',
      'yardmaster.call.shout COMPLETED',
    ]);
  });

  test('what does not fit is an answer that says every problem and what to do', async () => {
    const client = await connect(era);
    const wrong = await client.callTool({ name: 'math_add', arguments: { a: 'two' } });
    expect(wrong.isError).toBe(true);
    expect(textOf(wrong)).toMatch(
      /^INVALID_INPUT: The input does not fit the schema of math\.add@1\.2\.0: input\.b is missing; input\.a must be number, not string\nnext: yardmaster runs get \w+$/,
    );
    const missing = await client.callTool({ name: 'run_Twice', arguments: {} });
    expect(textOf(missing)).toMatch(/^PARAMETERS_INVALID: .*parameters\.n is missing/s);
    await expect(client.callTool({ name: 'nothing' })).rejects.toThrow('Unknown tool "nothing"');
  });

  test('a long call tells its progress', async () => {
    const client = await connect(era);
    const heard: string[] = [];
    const called = client.callTool(
      { name: 'slow', arguments: {} },
      { onprogress: ({ progress, total, message }) => heard.push(`${progress}/${total} ${message}`) },
    );
    // Live events are not told again: what is said before somebody listens is lost.
    await eventually(() => {
      halfWay();
      return heard.includes('50/100 call: half way');
    });
    finish();
    expect((await called).isError).not.toBe(true);
    const numbers = heard.map((line) => Number.parseInt(line, 10));
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  });
});

test.each<Era>(['legacy', 'auto'])('a %s host that calls it off cancels the run', async (era) => {
  const client = await connect(era);
  const stop = new AbortController();
  const called = client.callTool({ name: 'slow', arguments: {} }, { signal: stop.signal });
  await started;
  stop.abort();
  await expect(called).rejects.toThrow();
  expect(await endOfRun()).toBe('CANCELLED');
});

test.each<Era>(['legacy', 'auto'])('a %s host that hangs up in a call cancels the run', async (era) => {
  const client = await connect(era);
  const called = client.callTool({ name: 'slow', arguments: {} });
  await started;
  // What nobody holds of the request would not hear that the host is gone.
  collectGarbage();
  await Promise.all([expect(called).rejects.toThrow(), client.close()]);
  expect(await endOfRun()).toBe('CANCELLED');
  const next = await connect(era);
  expect(textOf(await next.callTool({ name: 'shout', arguments: { input: 'alive' } }))).toBe('ALIVE');
});

test('a server that closes cancels the runs of its calls, and says so to the control plane first', async () => {
  const client = await connect('auto');
  const called = client.callTool({ name: 'slow', arguments: {} });
  const failed = expect(called).rejects.toThrow();
  await started;
  await server.close();
  const [run] = await remote.listRuns();
  expect(run?.status).not.toBe('RUNNING');
  expect(await endOfRun()).toBe('CANCELLED');
  await client.close();
  await failed;
});

test.each<Era>(['legacy', 'auto'])('a %s host is told when capabilities and workflows come', async (era) => {
  const lists: string[][] = [];
  await connect(era, (names) => lists.push([...names]));
  await mesh.registerWorkflow({
    name: 'Later',
    steps: [{ id: 'sum', action: 'math.add', parameters: { a: 1, b: 1 } }],
  });
  await eventually(() => lists.at(-1)?.includes('run_Later') === true);
  agent.handle('more', () => null);
  await eventually(() => lists.at(-1)?.includes('more') === true);
});

test('pages of other origins, and names that lead here by DNS, get nothing', async () => {
  const ask = (headers: Record<string, string>) =>
    fetch(server.url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: '{}' });
  expect((await ask({ origin: 'https://example.org' })).status).toBe(403);
  const named = request(server.url, { method: 'POST', headers: { host: 'rebound.example.org' } });
  const answered = once(named, 'response');
  named.end('{}');
  const [answer] = await answered;
  expect(answer.statusCode).toBe(403);
  answer.resume();
  expect((await fetch(server.url.replace('/mcp', '/'))).status).toBe(404);
});
