/** The example agents of examples/agents: which there are, what each is built with, and how it is started. They are in the repository only. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type Problem, YardmasterError } from '../core/errors.ts';
import type { Lines } from './lines.ts';
import { conditions } from './processes.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const OUTPUT_CHARS = 2_000;

/** Programs that each needs, and what to install when they are missing. */
const TOOLS: Readonly<Record<string, { readonly programs: readonly string[]; readonly install: string }>> = {
  typescript: { programs: [], install: '' },
  python: { programs: ['python3'], install: 'Python 3.10 or newer, with its venv module' },
  go: { programs: ['go', 'npx'], install: 'Go 1.26 or newer, and npm' },
  java: { programs: ['java', 'mvn'], install: 'a JDK of 17 or newer, and Maven' },
  rust: { programs: ['cargo'], install: 'Rust, with its cargo' },
};

export interface Example {
  readonly language: string;
  readonly agentId: string;
  /** Where its commands run. */
  readonly folder: string;
  /** Commands that build it, in order. */
  readonly prepare: readonly string[];
  readonly start: string;
}

/** Throws LANGUAGE_UNAVAILABLE with everything that is missing. */
export function findExamples(
  languages: readonly string[],
  root = ROOT,
  path = process.env.PATH ?? '',
): readonly Example[] {
  const sources = join(root, 'examples', 'agents');
  if (!existsSync(sources)) {
    throw new YardmasterError(
      'LANGUAGE_UNAVAILABLE',
      'Cannot run agents in other languages: the package has no examples',
      {
        next: 'run it in a checkout of the repository',
      },
    );
  }
  const problems = languages.flatMap((language) => problemsOf(language, sources, path));
  if (problems.length === 0) return languages.map((language) => exampleOf(language, root));
  const subject = languages.map((language) => `"${language}"`).join(', ');
  throw new YardmasterError('LANGUAGE_UNAVAILABLE', `Cannot run agents in ${subject}: something is missing`, {
    problems,
  });
}

/** Does what the README of each says before it starts the agent; what was built before is used again. */
export async function buildExamples(examples: readonly Example[], lines: Lines, signal: AbortSignal): Promise<void> {
  for (const example of examples.filter(({ prepare }) => prepare.length > 0)) {
    copySources(example);
    for (const command of example.prepare) {
      lines.say({ mark: '..', subject: `build ${example.language}`, fact: command });
      await runCommand(example, command, signal);
    }
  }
}

function problemsOf(language: string, sources: string, path: string): readonly Problem[] {
  const code = 'LANGUAGE_UNAVAILABLE';
  const tools = Object.hasOwn(TOOLS, language) ? TOOLS[language] : undefined;
  if (tools === undefined || !existsSync(join(sources, language, 'README.md'))) {
    const known = Object.keys(TOOLS).filter((name) => existsSync(join(sources, name)));
    return [
      { code, message: `there is no example agent in "${language}"`, hint: `there is one in ${known.join(', ')}` },
    ];
  }
  const missing = tools.programs.filter((program) => !isInstalled(program, path));
  if (missing.length === 0) return [];
  const names = missing.map((program) => `"${program}"`).join(' and ');
  return [{ code, message: `${language} is built with ${names}, not found in PATH`, next: `install ${tools.install}` }];
}

function isInstalled(program: string, path: string): boolean {
  return path.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function exampleOf(language: string, root: string): Example {
  const agentId = `example-${language}`;
  if (language === 'typescript') {
    const node = [process.execPath, ...conditions()].map((word) => `'${word}'`).join(' ');
    const folder = join(root, 'examples', 'agents', language);
    return { language, agentId, folder, prepare: [], start: `${node} example.ts` };
  }
  const commands = readCommands(join(root, 'examples', 'agents', language, 'README.md'));
  const folder = join(root, '.tmp', 'languages', 'examples', 'agents', language);
  return { language, agentId, folder, prepare: commands.slice(0, -1), start: commands.at(-1) ?? '' };
}

/** The first block of commands in a README: install, generate, run. */
function readCommands(file: string): readonly string[] {
  const [, block = ''] = /```sh [^\n]*\n([\s\S]*?)```/.exec(readFileSync(file, 'utf8')) ?? [];
  const commands = block.trim().split('\n');
  if (commands.length < 2)
    throw new YardmasterError('DEMO_FAILED', `Cannot build the agent: "${file}" shows no commands`);
  return commands;
}

/** So that what is built stays out of the sources. The protos lie where the README expects them. */
function copySources({ folder, language }: Example): void {
  const root = join(folder, '..', '..', '..', '..', '..');
  mkdirSync(folder, { recursive: true });
  // A source of an earlier version would be built, too; what takes long is used again.
  for (const name of readdirSync(folder)) {
    if (name !== '.venv' && name !== 'target') rmSync(join(folder, name), { recursive: true });
  }
  // What somebody built there would be taken for what is built here.
  const filter = (file: string): boolean => basename(file) !== 'target';
  cpSync(join(root, 'examples', 'agents', language), folder, { recursive: true, filter });
  const proto = join(root, '.tmp', 'languages', 'proto');
  rmSync(proto, { force: true });
  symlinkSync(join(root, 'proto'), proto);
}

async function runCommand({ language, folder }: Example, command: string, signal: AbortSignal): Promise<void> {
  const child = spawn('sh', ['-euc', `exec 2>&1; ${command}`], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  const stop = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  const [said, [status]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  signal.removeEventListener('abort', stop);
  signal.throwIfAborted();
  if (status === 0) return;
  throw new YardmasterError(
    'DEMO_FAILED',
    `Cannot build the agent in ${language}: "${command}" ended with ${status}\n${said.slice(-OUTPUT_CHARS).trim()}`,
    {
      next: `run it in ${folder}`,
    },
  );
}
