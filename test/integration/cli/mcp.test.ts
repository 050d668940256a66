/** `yardmaster mcp` as a host starts it: over stdio, in a process of its own. */
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { expect, test } from 'vitest';
import { Agent } from '../../../src/agent-sdk/index.ts';
import { Orchestrator } from '../../../src/embedded/index.ts';

const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));

test('a host lists tools, calls one, hears of another, and leaves in the middle of a call, which cancels its run', async () => {
  await using mesh = new Orchestrator();
  const url = await mesh.url();
  let starts = (): void => {};
  const started = new Promise<void>((resolve) => (starts = resolve));
  const agent = new Agent({ id: 'worker', url }).handle('echo', (input) => input);
  const stopped = new Promise<void>((resolve) =>
    agent.handle('hang', async (_, ctx) => {
      starts();
      await new Promise<void>((release) => ctx.signal.addEventListener('abort', () => release(), { once: true }));
      resolve();
    }),
  );
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
