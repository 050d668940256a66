/**
 * The child processes of the demo. It owns them: whatever it started has ended when `stop()` resolves, and each ends by
 * itself (tether.ts) when the demo dies without calling that.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { YardmasterError } from '../core/errors.ts';

/** From SIGTERM to SIGKILL. */
const GRACE_MS = 3_000;
const LOG_CHARS = 2_000;
/** The sources run unbuilt; `dist` holds JavaScript. */
const TETHER = import.meta.url.endsWith('.ts') ? './tether.ts' : './tether.js';

export interface Child {
  /** For people: `control plane`, `db-extractor 2`. */
  readonly name: string;
  readonly pid: number;
}

export interface SpawnOptions {
  readonly name: string;
  /** Script and its arguments. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Keeps stdout for `firstLine` instead of writing it to the log. Default false. */
  readonly speaks?: boolean;
}

export interface ShellOptions {
  readonly name: string;
  /** For a shell; takes its place. */
  readonly command: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** What tether.ts does, for a program that is not ours: a shell beside it ends it when the other end of its stdin is gone. */
const TIE = 'exec 3<&0; { cat <&3; kill -9 $$; } >/dev/null 2>&1 & exec 3<&-; exec </dev/null; exec ';

interface Running extends Child {
  readonly process: ChildProcess;
  readonly log: string;
}

export class Processes implements AsyncDisposable {
  readonly #folder: string;
  readonly #children: Running[] = [];
  readonly #killed = new Set<number>();
  #isStopping = false;

  /** `folder` takes their logs. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  spawn({ name, args, env, speaks = false }: SpawnOptions): Child {
    const tether = fileURLToPath(new URL(TETHER, import.meta.url));
    return this.#start(name, (file) =>
      spawn(process.execPath, [...conditions(), '--import', tether, ...args], {
        env: { ...inheritedEnv(), ...env },
        stdio: ['ignore', speaks ? 'pipe' : file, file, 'ipc'],
      }),
    );
  }

  /** A program in any language. */
  spawnShell({ name, command, cwd, env }: ShellOptions): Child {
    return this.#start(name, (file) => {
      const all = { ...inheritedEnv(), ...env };
      return spawn('sh', ['-c', `${TIE}${command}`], { cwd, env: all, stdio: ['pipe', file, file] });
    });
  }

  #start(name: string, start: (log: number) => ChildProcess): Child {
    const log = this.logOf(name);
    const file = openSync(log, 'w');
    try {
      const child = start(file);
      // An error without a pid is told below; one later is an exit.
      child.on('error', () => undefined);
      const { pid } = child;
      if (pid === undefined) throw new YardmasterError('DEMO_FAILED', `Cannot start "${name}"`);
      const running: Running = { name, pid, process: child, log };
      this.#children.push(running);
      return running;
    } finally {
      closeSync(file);
    }
  }

  /** What a child that speaks says first; undefined: it ended without a word. */
  async firstLine(pid: number): Promise<string | undefined> {
    const { stdout } = this.#find(pid)?.process ?? {};
    if (stdout === null || stdout === undefined) return undefined;
    let said = '';
    for await (const chunk of stdout.iterator({ destroyOnReturn: false })) {
      said += chunk;
      if (said.length > LOG_CHARS || said.includes('\n')) break;
    }
    // Nobody reads the rest, and a full pipe would hold the child up.
    stdout.resume();
    return said === '' ? undefined : said.slice(0, said.indexOf('\n'));
  }

  /** Waits for the end of a child, which then is no longer one: its exit code, or null after a signal. */
  async release(pid: number): Promise<number | null> {
    const child = this.#find(pid);
    if (child === undefined) return null;
    if (!hasEnded(child.process)) await once(child.process, 'exit');
    this.#children.splice(this.#children.indexOf(child), 1);
    return child.process.exitCode;
  }

  /** The file that takes the words of the child of that name. */
  logOf(name: string): string {
    return join(this.#folder, `${name.replaceAll(' ', '-')}.log`);
  }

  isAlive(pid: number): boolean {
    const child = this.#find(pid);
    return child !== undefined && !hasEnded(child.process);
  }

  /** The signal that ended it; null: none did, or it lives. */
  signalOf(pid: number): NodeJS.Signals | null {
    return this.#find(pid)?.process.signalCode ?? null;
  }

  /** SIGKILL, by pid and only to a child of ours. */
  kill(pid: number): void {
    if (!this.isAlive(pid))
      throw new YardmasterError('DEMO_FAILED', `Cannot kill process ${pid}: it is no child that lives`);
    this.#killed.add(pid);
    process.kill(pid, 'SIGKILL');
  }

  /** Rejects with the end of its log when a child ends that nobody ended, or only the one with that pid; never resolves. */
  watch(signal: AbortSignal, pid?: number): Promise<never> {
    return new Promise((_, reject) => {
      for (const child of this.#children.filter((candidate) => pid === undefined || candidate.pid === pid)) {
        const tell = (): void => {
          if (!this.#isStopping && !this.#killed.has(child.pid)) reject(deathOf(child));
        };
        if (hasEnded(child.process)) tell();
        else child.process.once('exit', tell);
      }
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }

  /** All but the first leave in order; the first, which they are connected to, goes last. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const [first, ...others] = this.#children;
    await Promise.all(others.map(endChild));
    if (first !== undefined) await endChild(first);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #find(pid: number): Running | undefined {
    return this.#children.find((running) => running.pid === pid);
  }
}

/** `--conditions=source` runs the demo from the sources, and must reach the children. */
export function conditions(): readonly string[] {
  return process.execArgv.filter((arg) => arg.startsWith('--conditions='));
}

/** What the caller set for other control planes and agents is not for these. */
function inheritedEnv(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('YARDMASTER_')));
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function endChild({ process: child }: Running): Promise<void> {
  if (hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  await ended;
  clearTimeout(timer);
}

function deathOf({ name, process: child, log }: Running): YardmasterError {
  const how = child.signalCode ?? `exit code ${child.exitCode}`;
  const said = readFileSync(log, 'utf8').slice(-LOG_CHARS).trim();
  return new YardmasterError('DEMO_FAILED', `Cannot go on: "${name}" ended with ${how}\n${said}`, {
    next: `read ${log}`,
  });
}
