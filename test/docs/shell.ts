/** Runs the programs of documents as their readers would: from the folder of the document, with the package at hand. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
/** Inside the repository, so that `yardmaster/...` is the package; ignored by git. */
export const workFolder = join(root, '.tmp', 'docs');

/** Some install and compile what they need, on machines that do much else. */
const BLOCK_MS_MAX = 900_000;

export interface Ended {
  readonly exitCode: number;
  /** What a reader sees: stdout and stderr as they came. */
  readonly output: string;
}

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

export function start(
  { command, args, cwd, env }: Program,
  options: { readonly detached?: boolean } = {},
): ChildProcess {
  const path = [binFolder(), join(root, '.tmp', 'bin'), dirname(process.execPath), process.env.PATH ?? ''];
  return spawn(command, args, {
    cwd,
    env: { ...process.env, NO_COLOR: '1', CI: '1', PATH: path.join(delimiter), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  });
}

/** Ends the program when it takes longer than `BLOCK_MS_MAX`; then its exit code is 124. */
export async function run(program: Program): Promise<Ended> {
  // A group of its own, so that a late shell does not leave behind what it waits for.
  const child = start(program, { detached: true });
  let output = '';
  let isLate = false;
  const collect = (data: Buffer): void => {
    output += data.toString();
  };
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  const late = setTimeout(() => {
    isLate = true;
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, BLOCK_MS_MAX);
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
  clearTimeout(late);
  return { exitCode: isLate ? 124 : exitCode, output };
}

/** Resolves with the first line that fits; rejects with everything that was printed when the program ends before. */
export function waitForLine(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let printed = '';
    const read = (data: Buffer): void => {
      printed += data.toString();
      const found = pattern.exec(printed);
      if (found !== null) resolve(found);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('error', reject);
    child.once('close', (code) => reject(new Error(`it ended with ${code} before it was ready:\n${printed}`)));
  });
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGTERM');
  await closed;
}

/** `yardmaster` and `npx yardmaster` are the command of this checkout, as they are for somebody who installed it. */
function binFolder(): string {
  const folder = join(workFolder, 'bin');
  mkdirSync(folder, { recursive: true });
  const command = `exec "${process.execPath}" "${join(root, 'bin', 'yardmaster.cjs')}"`;
  // Other packages come from the registry, and only when the document says that it means to.
  const others = `-y) PATH="\${PATH#*:}" exec npx "$@";; *) echo "npx knows only yardmaster here" >&2; exit 2;;`;
  const npx = `case "$1" in yardmaster) shift;; ${others} esac\n`;
  writeScript(join(folder, 'yardmaster'), `${command} "$@"\n`);
  writeScript(join(folder, 'npx'), `${npx}${command} "$@"\n`);
  return folder;
}

function writeScript(path: string, text: string): void {
  writeFileSync(path, `#!/bin/sh\n${text}`);
  chmodSync(path, 0o755);
}
