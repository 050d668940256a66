/** The example agents in other languages, built as their pages say. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { root } from '../../docs/shell.ts';

export const LANGUAGES = ['python', 'go', 'java', 'rust'] as const;

export type Language = (typeof LANGUAGES)[number];

/** Copies of the examples, so that what is built stays out of the sources; of an earlier test only what takes long is used again. */
const WORK = join(root, '.tmp', 'languages');

export function folderOf(language: Language): string {
  return join(WORK, 'examples', 'agents', language);
}

/** What the package managers of Python, Java and Rust make. */
const SLOW: readonly string[] = ['.venv', 'target'];

/** The commands of the README: the last one starts the agent, those before install and generate. */
export function commandsOf(language: Language): { readonly prepare: string; readonly start: string } {
  const file = join(root, 'examples', 'agents', language, 'README.md');
  const [, block = ''] = /```sh [^\n]*\n([\s\S]*?)```/.exec(readFileSync(file, 'utf8')) ?? [];
  const lines = block.trim().split('\n');
  if (lines.length !== 3) throw new Error(`${file} does not show three commands, but ${lines.length}`);
  return { prepare: lines.slice(0, -1).join('\n'), start: lines.at(-1) ?? '' };
}

/** Does what a reader of the README does before the agent runs. Throws with what the commands print. */
export function build(language: Language): void {
  const folder = folderOf(language);
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) {
    if (!SLOW.includes(name)) rmSync(join(folder, name), { recursive: true });
  }
  // What somebody built there would be taken for what is built here.
  const filter = (file: string): boolean => basename(file) !== 'target';
  cpSync(join(root, 'examples', 'agents', language), folder, { recursive: true, filter });
  const proto = join(WORK, 'proto');
  rmSync(proto, { force: true });
  symlinkSync(join(root, 'proto'), proto);
  const { prepare } = commandsOf(language);
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` };
  const built = spawnSync('bash', ['-euo', 'pipefail', '-c', prepare], { cwd: folder, encoding: 'utf8', env });
  if (built.status !== 0) throw new Error(`${prepare}\nended with ${built.status}:\n${built.stdout}${built.stderr}`);
}
