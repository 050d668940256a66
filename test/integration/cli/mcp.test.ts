/** `yardmaster mcp` as a host starts it: over stdio, in a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { expect, test } from 'vitest';
import { Agent } from '../../../src/agent-sdk/index.ts';
import { Orchestrator } from '../../../src/embedded/index.ts';
import { runCommand } from '../../unit/cli/capture.ts';
import { eventually } from '../transport/rig.ts';

const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));

test('a host lists tools, calls one, hears of another, and leaves in the middle of a call, which cancels its run', async () => {
  await using mesh = new Orchestrator();
  const url = await mesh.url();
  const agent = new Agent({ id: 'worker', url }).handle('echo', (input) => input);
  const { started, stopped } = hang(agent);
  await agent.start();
  let hears: (names: readonly string[]) => void = () => {};
  const heard = new Promise<readonly string[]>((resolve) => (hears = resolve));
  const onChanged = (_: unknown, tools: readonly { name: string }[] | null): void =>
    hears((tools ?? []).map(({ name }) => name));
  const client = new Client(
    { name: 'host', version: '1.0.0' },
    { listChanged: { tools: { onChanged, debounceMs: 0 } } },
  );
  const args = ['--conditions=source', MAIN, 'mcp', '--url', url];
  const transport = new StdioClientTransport({ command: process.execPath, args, stderr: 'ignore' });
  await client.connect(transport);
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['echo', 'hang']);
  const echoed = await client.callTool({ name: 'echo', arguments: { text: 'Größe' } });
  expect(echoed.structuredContent).toEqual({ text: 'Größe' });
  await mesh.registerWorkflow({ name: 'Late', steps: [{ id: 'echo', action: 'echo' }] });
  expect(await heard).toEqual(['echo', 'hang', 'run_Late']);
  const { pid } = transport;
  const hung = expect(client.callTool({ name: 'hang', arguments: {} })).rejects.toThrow();
  await started;
  await client.close();
  await Promise.all([hung, stopped]);
  expect(() => process.kill(pid ?? 0, 0)).toThrow('ESRCH');
  await agent.stop({ graceMs: 0 });
});

/** A host that prints the pid of its server and calls `hang`, to be killed. */
const HOST = `
  import { Client } from '@modelcontextprotocol/client';
  import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
  const transport = new StdioClientTransport({ command: process.execPath, args: process.argv.slice(1), stderr: 'ignore' });
  const client = new Client({ name: 'host', version: '1.0.0' });
  await client.connect(transport);
  console.log(transport.pid);
  await client.callTool({ name: 'hang', arguments: {} });
`;

test('a host that is killed in the middle of a call takes its server with it, and the run is cancelled', async () => {
  await using mesh = new Orchestrator();
  const url = await mesh.url();
  const agent = new Agent({ id: 'worker', url });
  const { started, stopped } = hang(agent);
  await agent.start();
  const args = ['--input-type=module', '-e', HOST, '--', '--conditions=source', MAIN, 'mcp', '--url', url];
  const host = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [pid] = await once(createInterface(host.stdout), 'line');
  await started;
  host.kill('SIGKILL');
  await stopped;
  const [run] = await mesh.listRuns();
  expect((await mesh.run(run?.runId ?? '').result()).status).toBe('CANCELLED');
  await eventually(() => !isAlive(Number(pid)));
  await agent.stop({ graceMs: 0 });
});

test('only the names that were asked for are offered; a message that cannot be read ends the server', async () => {
  await using mesh = new Orchestrator();
  const url = await mesh.url();
  const agent = new Agent({ id: 'worker', url });
  for (const name of ['math.add', 'math.sub', 'mail.send']) agent.handle(name, (input) => input);
  await agent.start();
  const client = new Client({ name: 'host', version: '1.0.0' });
  const args = ['--conditions=source', MAIN, 'mcp', '--url', url, '--only', 'math.*'];
  const transport = new StdioClientTransport({ command: process.execPath, args, stderr: 'pipe' });
  let told = '';
  transport.stderr?.on('data', (chunk) => (told += String(chunk)));
  await client.connect(transport);
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['math_add', 'math_sub']);
  const { pid } = transport;
  const large = client.callTool({ name: 'math_add', arguments: { text: 'x'.repeat(11 * 1024 * 1024) } });
  await expect(large).rejects.toThrow();
  await eventually(() => !isAlive(pid ?? 0));
  expect(told).toContain('mcp: ReadBuffer exceeded maximum size');
  await client.close();
  await agent.stop({ graceMs: 0 });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('a port without --http is refused, as nobody would listen there', async () => {
  expect(await runCommand(['mcp', '--port', '7500'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('--port goes with --http'),
  });
});

/** Offers `hang`, which works until it is stopped. */
function hang(agent: Agent): { readonly started: Promise<void>; readonly stopped: Promise<void> } {
  const started = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  agent.handle('hang', async (_, ctx) => {
    started.resolve();
    await new Promise<void>((release) => ctx.signal.addEventListener('abort', () => release(), { once: true }));
    stopped.resolve();
  });
  return { started: started.promise, stopped: stopped.promise };
}
