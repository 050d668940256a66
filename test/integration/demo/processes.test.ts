import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Processes } from '../../../src/demo/processes.ts';

const WAITS = 'setInterval(() => {}, 1e6);';
const IGNORES_SIGTERM = `process.on('SIGTERM', () => {}); ${WAITS}`;
const forever = new AbortController().signal;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'yardmaster-test-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function script(name: string, code: string): string {
  const path = join(folder, `${name}.mjs`);
  writeFileSync(path, code);
  return path;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('stop ends every child, also one that ignores SIGTERM', async () => {
  const processes = new Processes(folder);
  const pids = [WAITS, IGNORES_SIGTERM].map(
    (code, i) => processes.spawn({ name: `child ${i}`, args: [script(`c${i}`, code)], env: {} }).pid,
  );
  expect(pids.map((pid) => processes.isAlive(pid))).toEqual([true, true]);
  await processes.stop();
  expect(pids.filter(isAlive)).toEqual([]);
});

test('kill ends a child by SIGKILL, is no surprise to watch, and refuses what is no child', async () => {
  await using processes = new Processes(folder);
  const { pid } = processes.spawn({ name: 'victim', args: [script('v', WAITS)], env: {} });
  let surprise: unknown;
  processes.watch(forever).catch((error: unknown) => {
    surprise = error;
  });
  processes.kill(pid);
  await expect.poll(() => processes.signalOf(pid)).toBe('SIGKILL');
  expect(surprise).toBeUndefined();
  expect(() => processes.kill(pid)).toThrow('it is no child that lives');
  expect(() => processes.kill(process.pid)).toThrow('it is no child that lives');
});

test('watch rejects when a child dies by itself, with what it said last', async () => {
  await using processes = new Processes(folder);
  processes.spawn({ name: 'bad one', args: [script('b', "console.error('no luck today'); process.exit(3)")], env: {} });
  await expect(processes.watch(forever)).rejects.toThrow(/"bad one" ended with exit code 3\s+no luck today/);
});

test('firstLine reads what a child says, and then lets it speak on', async () => {
  await using processes = new Processes(folder);
  const code = `console.log('ready'); console.log('x'.repeat(300_000)); ${WAITS}`;
  const { pid } = processes.spawn({ name: 'speaker', args: [script('s', code)], env: {}, speaks: true });
  expect(await processes.firstLine(pid)).toBe('ready');
  const mute = processes.spawn({ name: 'mute', args: [script('m', 'process.exit(5)')], env: {}, speaks: true });
  expect(await processes.firstLine(mute.pid)).toBeUndefined();
  expect(await processes.release(mute.pid)).toBe(5);
});

test('children get what they are told, and nothing that was meant for other control planes', async () => {
  process.env.YARDMASTER_TOKEN = 'secret';
  try {
    await using processes = new Processes(folder);
    const code = 'console.error(JSON.stringify([process.env.YARDMASTER_TOKEN, process.env.GIVEN])); process.exit(1)';
    processes.spawn({ name: 'env', args: [script('e', code)], env: { GIVEN: 'yes' } });
    await expect(processes.watch(forever)).rejects.toThrow('[null,"yes"]');
  } finally {
    delete process.env.YARDMASTER_TOKEN;
  }
});

test('a program behind a shell has the pid that is told, its folder and its settings, and is killed as itself', async () => {
  await using processes = new Processes(folder);
  const file = script('p', `console.error(process.pid, process.cwd(), process.env.GIVEN); ${WAITS}`);
  const command = `'${process.execPath}' '${file}'`;
  const { pid } = processes.spawnShell({ name: 'shelled', command, cwd: folder, env: { GIVEN: 'yes' } });
  const log = processes.logOf('shelled');
  await expect
    .poll(() => readFileSync(log, 'utf8'), { timeout: 20_000 })
    .toContain(`${pid} ${realpathSync(folder)} yes`);
  processes.kill(pid);
  await expect.poll(() => processes.signalOf(pid)).toBe('SIGKILL');
});

test.for([
  ['a script', `spawn({ name: 'child', args: [CHILD], env: {} })`],
  [
    'a program behind a shell',
    `spawnShell({ name: 'child', command: "'" + process.execPath + "' " + CHILD, cwd: '/', env: {} })`,
  ],
] as const)('%s ends by itself when its parent is killed', async ([, start]) => {
  const source = fileURLToPath(new URL('../../../src/demo/processes.ts', import.meta.url));
  const parent = script(
    'parent',
    `import { Processes } from ${JSON.stringify(source)};
     const CHILD = ${JSON.stringify(script('child', WAITS))};
     const processes = new Processes(${JSON.stringify(folder)});
     console.log(processes.${start}.pid);`,
  );
  const process_ = spawn(process.execPath, [parent], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(process_, 'exit');
  const [chunk] = await once(process_.stdout, 'data');
  const pid = Number(chunk);
  expect(isAlive(pid)).toBe(true);
  process_.kill('SIGKILL');
  await exited;
  await expect.poll(() => isAlive(pid), { timeout: 20_000 }).toBe(false);
});
