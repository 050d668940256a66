/** Child processes of the failure tests: on this Node, ready when they say so, ended by their pid. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Child<Ready> {
  readonly ready: Ready;
  readonly pid: number;
  /** Resolves when the process is gone, however that came. */
  readonly exited: Promise<void>;
  /** True: it has not ended. */
  readonly isAlive: boolean;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGSTOP: it does nothing, and its sockets stay open. */
  freeze(): void;
  /** SIGCONT. */
  thaw(): void;
  /** Sends a question and resolves with the next message; rejects when the process ends first. */
  ask<Answer>(question: string): Promise<Answer>;
}

export interface ChildOptions {
  readonly execArgv?: readonly string[];
  /** A file descriptor for what it writes to standard error; default: ours. */
  readonly stderr?: number;
}

const STARTED_MS = 60_000;

/** Starts `processes/<file>`; rejects when it ends, or is silent for a minute, before it is ready. */
export async function startChild<Ready>(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  { execArgv = [], stderr }: ChildOptions = {},
): Promise<Child<Ready>> {
  const path = fileURLToPath(new URL(`./processes/${file}`, import.meta.url));
  const child = fork(path, args, {
    stdio: ['ignore', 'inherit', stderr ?? 'inherit', 'ipc'],
    execArgv: [...execArgv],
    env: { ...process.env, ...env },
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const ready = (await nextMessage(child, `${file} was not ready`)) as Ready;
  return {
    ready,
    pid: child.pid ?? 0,
    exited,
    get isAlive() {
      return child.exitCode === null && child.signalCode === null;
    },
    kill: () => {
      child.kill('SIGKILL');
      return exited;
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    ask: (question) => {
      const answer = nextMessage(child, `${file} did not answer "${question}"`);
      child.send(question);
      return answer as Promise<never>;
    },
  };
}

function nextMessage(child: ChildProcess, what: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const settle = (settleIt: () => void): void => {
      clearTimeout(timer);
      child.off('exit', onExit).off('message', onMessage);
      settleIt();
    };
    const timer = setTimeout(() => settle(() => reject(new Error(`${what} within ${STARTED_MS} ms`))), STARTED_MS);
    const onExit = (code: number | null): void => settle(() => reject(new Error(`${what}: it ended with ${code}`)));
    const onMessage = (message: unknown): void => settle(() => resolve(message));
    child.once('exit', onExit).once('message', onMessage);
  });
}
