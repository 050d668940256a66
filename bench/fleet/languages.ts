/** How many instances of a language run in a process, and how such a process is built and started. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, folderOf } from '../../test/ci/languages/languages.ts';

export type FleetLanguage = 'typescript' | 'python' | 'go' | 'java' | 'rust';

interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** It is the example itself: every instance is a process, as small as they are. Else it hosts many, and dials at a word. */
  readonly isOneInstance?: boolean;
}

/** The agents of a language cannot be built here: a tool is missing, or what they need cannot be fetched. */
export class FleetUnbuildable extends Error {
  override readonly name = 'FleetUnbuildable';
  readonly language: FleetLanguage;

  constructor(language: FleetLanguage, cause: unknown) {
    const fact = cause instanceof Error ? cause.message : String(cause);
    super(`Cannot build the agents in ${language}, so there is no mixed fleet to measure: ${fact}`, { cause });
    this.language = language;
  }
}

const here = fileURLToPath(new URL('.', import.meta.url));

const builders: Readonly<Record<FleetLanguage, () => Program>> = {
  typescript: () => ({ command: process.execPath, args: [join(here, 'fleet.ts')] }),
  python: () => {
    build('python');
    const folder = folderOf('python');
    const python = join(folder, '.venv', 'bin', 'python');
    return { command: python, args: [join(here, 'fleet.py')], env: { PYTHONPATH: folder } };
  },
  go: () => {
    build('go');
    const folder = join(folderOf('go'), '..', 'go-fleet');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    cpSync(folderOf('go'), folder, { recursive: true });
    const main = readFileSync(join(folder, 'main.go'), 'utf8');
    writeFileSync(join(folder, 'main.go'), main.replace('func main() {', 'func runInstance() {'));
    cpSync(join(here, 'fleet.go'), join(folder, 'fleet.go'));
    const built = spawnSync('go', ['build', '-o', 'fleet', '.'], { cwd: folder, encoding: 'utf8' });
    if (built.status !== 0) throw new Error(`go build ended with ${built.status}:\n${built.stderr ?? built.error}`);
    return { command: join(folder, 'fleet'), args: [] };
  },
  java: () => {
    build('java');
    const jar = join(folderOf('java'), 'target', 'agent.jar');
    return { command: 'java', args: ['-cp', jar, join(here, 'Fleet.java')] };
  },
  rust: () => {
    build('rust');
    return { command: join(folderOf('rust'), 'target', 'debug', 'example'), args: [], isOneInstance: true };
  },
};

/** What runs agents of the language. Throws FleetUnbuildable. */
export function prepare(language: FleetLanguage): Program {
  try {
    return builders[language]();
  } catch (error) {
    throw new FleetUnbuildable(language, error);
  }
}

export interface FleetProcess {
  /** Its instances dial now, all at once. */
  dial(): void;
  /** Resolves when it is gone. */
  end(): Promise<void>;
}

export interface FleetOrder {
  readonly url: string;
  /** Of the process; agent ids begin with it. */
  readonly name: string;
  readonly instances: number;
  /** Of each. */
  readonly slots: number;
}

const LOADED_MS = 60_000;

/** Resolves when everything is loaded and nothing is dialled yet. */
export function startFleet(program: Program, order: FleetOrder): Promise<FleetProcess> {
  return program.isOneInstance === true ? Promise.resolve(startEach(program, order)) : startHost(program, order);
}

async function startHost({ command, args, env }: Program, order: FleetOrder): Promise<FleetProcess> {
  const child = spawn(command, [...args, String(order.instances)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...settings(order, order.name), ...env },
  });
  await loaded(child, command);
  const exited = gone(child);
  // What it prints of its connections is not looked at; a full pipe would stop it.
  child.stdout.resume();
  return {
    dial: () => void child.stdin.write('dial\n'),
    end: () => {
      child.kill('SIGKILL');
      return exited;
    },
  };
}

/** Nothing is loaded before they dial: a process of its own takes milliseconds. */
function startEach({ command, args }: Program, order: FleetOrder): FleetProcess {
  const children: ChildProcess[] = [];
  return {
    dial() {
      for (let i = 0; i < order.instances; i++) {
        const env = { ...process.env, ...settings(order, `${order.name}-${i}`) };
        children.push(spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'], env }));
      }
    },
    async end() {
      const exited = children.map(gone);
      for (const child of children) child.kill('SIGKILL');
      await Promise.all(exited);
    },
  };
}

/** Those that every example agent has (docs/agents/README.md). */
function settings({ url, slots }: FleetOrder, agentId: string): Readonly<Record<string, string>> {
  return { YARDMASTER_URL: url, YARDMASTER_AGENT_ID: agentId, YARDMASTER_SLOTS: String(slots) };
}

function gone(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

function loaded(child: ChildProcess, command: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${command} did not load within ${LOADED_MS} ms`)), LOADED_MS);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${command} ended with ${code} before it was loaded`)));
    child.stdout?.once('data', () => {
      clearTimeout(timer);
      child.removeAllListeners('exit');
      resolve();
    });
  });
}
