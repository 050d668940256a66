/** The real command in a process of its own: serve, what the other commands see, and how it ends. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Agent } from '../../../src/agent-sdk/index.ts';
import { type Ran, runCommand } from '../../unit/cli/capture.ts';

const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
const WORKFLOW = `name: Nightly
description: Copy a table
timeout: 1m
parameters: { type: object, properties: { table: { type: string } }, required: [table] }
steps:
  - { id: extract, action: extract, parameters: { table: "\${{ params.table }}" } }
output: "\${{ steps.extract.output }}"
`;

let folder: string;
const children: ChildProcessByStdio<null, Readable, Readable>[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'yardmaster-cli-'));
  writeFileSync(join(folder, 'nightly.yaml'), WORKFLOW);
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function start(...args: readonly string[]) {
  const env = { PATH: process.env.PATH ?? '' };
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  return child;
}

async function serve(...args: readonly string[]) {
  const child = start('serve', '--port', '0', '-o', 'json', ...args);
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
  const { url }: { readonly url: string } = JSON.parse(line);
  return { child, url };
}

test('serves, shows a run that waits and why, runs it when an agent comes, and stops in order on SIGTERM', async () => {
  const { child, url } = await serve('--store', 'y.db');
  const at = (...args: readonly string[]): Promise<Ran> => runCommand([...args, '--url', url]);

  const waiting = await at('run', join(folder, 'nightly.yaml'), '-p', 'table=orders', '--detach');
  expect(waiting).toMatchObject({ code: 0 });
  expect(waiting.err).toContain('no agent offers "extract"');
  const explained = await at('runs', 'explain', '@waiting');
  expect(explained.out).toMatch(/^extract READY \d+m?s, needs extract: /);
  expect(explained.out).toContain('next: start an agent that offers extract');

  const agent = new Agent({ id: 'db-extractor', url, inline: true });
  agent.handle('extract', (input: { readonly table: string }) => ({ rows: input.table.length }));
  await agent.start();
  const watched = await at('runs', 'watch', waiting.out.trim());
  expect(watched).toMatchObject({ code: 0, out: '{\n  "rows": 6\n}\n' });
  expect((await at('agents', 'list')).out).toMatch(/^AGENT .*\ndb-extractor {2}READY/);
  expect(await at('run', 'Nightly')).toMatchObject({ code: 2, out: '' });
  expect(await at('run', 'Nigtly')).toMatchObject({ code: 3, out: '' });
  await agent.stop();

  child.kill('SIGTERM');
  await once(child, 'close');
  expect(child.exitCode).toBe(0);
  expect(await at('runs', 'list')).toMatchObject({ code: 6, out: '' });
});

test('says who has the store, and goes on with what was open after a kill', async () => {
  const { child, url } = await serve('--store', 'y.db');
  await runCommand(['run', join(folder, 'nightly.yaml'), '-p', 'table=orders', '--detach', '--url', url]);
  const second = await runCommand(['serve', '--port', '0', '--store', join(folder, 'y.db')]);
  expect(second.code).toBe(5);
  expect(second.err).toMatch(new RegExp(`^error STORE_OWNED: cannot open store ".*": .*pid ${child.pid}`));
  child.kill('SIGKILL');
  await once(child, 'close');
  const again = start('serve', '--port', '0', '--store', 'y.db');
  let out = '';
  for await (const text of again.stdout.setEncoding('utf8')) {
    out += text;
    if (out.includes('ready')) break;
  }
  expect(out).toContain('1 open run recovered; ready');
});

test('shows every problem of the parameters, and takes the defaults of the schema', async () => {
  const { url } = await serve();
  const at = (...args: readonly string[]): Promise<Ran> => runCommand([...args, '--url', url]);
  const file = join(folder, 'copy.yaml');
  const lines = [
    'name: Copy',
    'description: Copies rows',
    'timeout: 1m',
    'parameters:',
    '  type: object',
    '  properties:',
    '    table: { type: string, pattern: "^[a-z]+$" }',
    '    rows: { type: array, items: { type: object, required: [id] } }',
    '    limit: { type: integer, default: 10, maximum: 100 }',
    '  required: [table, limit]',
    'steps: [{ id: copy, action: copy }]',
  ];
  writeFileSync(file, lines.join('\n'));
  const refused = await at('run', file, '-p', 'table=Orders', '-p', 'rows=[{id: 1}, {}]', '-p', 'limit=101');
  expect(refused).toMatchObject({ code: 2, out: '' });
  expect(refused.err.split('\n').filter((line) => /error|next: yardmaster workflows/.test(line))).toEqual([
    'error PARAMETERS_INVALID: parameters.limit must be at most 100',
    'error PARAMETERS_INVALID: parameters.rows[1].id is missing',
    'error PARAMETERS_INVALID: parameters.table must match ^[a-z]+$',
    'error PARAMETERS_INVALID: cannot start "Copy": its parameters have 3 problems',
    '  next: yardmaster workflows get Copy --json shows what it takes',
  ]);
  expect((await at('runs', 'list', '-o', 'json')).out).not.toContain('Copy');
  expect(await at('run', 'Copy', '-p', 'table=orders', '--detach')).toMatchObject({ code: 0 });

  writeFileSync(file, lines.join('\n').replace('maximum: 100', 'maximun: 100'));
  const linted = await at('lint', file);
  expect(linted.code).toBe(1);
  expect(linted.out).toContain('did you mean "maximum"?');
});

test('pauses a run, shows it, and lets it go on', async () => {
  const { url } = await serve();
  const at = (...args: readonly string[]): Promise<Ran> => runCommand([...args, '--url', url]);
  const started = await at('run', join(folder, 'nightly.yaml'), '-p', 'table=orders', '--detach');
  const id = started.out.trim();
  const paused = await at('runs', 'pause', id, '--reason', 'the disk is full');
  expect(paused).toMatchObject({ code: 0, out: '' });
  expect(paused.err).toMatch(/^run \w+ is paused\. next: yardmaster runs resume \w+\n$/);
  const shown = await at('runs', 'get', id);
  expect(shown.out).toMatch(/^Nightly v1 .* RUNNING .* paused\n/);
  expect(shown.out).toContain('waits: its run is paused');
  expect(shown.out).toContain('next: yardmaster runs resume');
  expect((await at('runs', 'explain', id)).out).toContain('PAUSED: its run is paused');
  expect(await at('runs', 'resume', id)).toMatchObject({ code: 0, out: '' });
  const again = await at('runs', 'resume', id, '-o', 'json');
  expect(again).toMatchObject({ code: 5 });
  expect(JSON.parse(again.out)).toEqual({ accepted: false, status: 'RUN_STATUS_RUNNING' });
});
