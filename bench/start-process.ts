/** Child processes of the benchmark: started on this Node, ready when they say so, ended by their pid. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface BenchProcess<Ready> {
  readonly ready: Ready;
  readonly pid: number;
  /** Sends a request and resolves with the next message. */
  ask<Answer>(message: unknown): Promise<Answer>;
  tell(message: string): void;
  /** Calls `fn` for every message that is not an answer. */
  onMessage(fn: (message: unknown) => void): void;
  kill(): Promise<void>;
  stop(): void;
  /** SIGTERM; resolves when the process has ended. */
  end(): Promise<void>;
}

const STARTED_MS = 30_000;

export async function startProcess<Ready>(
  file: string,
  args: readonly string[] = [],
  execArgv: readonly string[] = [],
): Promise<BenchProcess<Ready>> {
  const path = fileURLToPath(new URL(`./processes/${file}`, import.meta.url));
  const child = fork(path, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: [...execArgv] });
  const ready = await firstMessage<Ready>(child, file);
  return {
    ready,
    pid: child.pid ?? 0,
    ask: (message) => {
      const answer = nextMessage(child);
      child.send(message as object);
      return answer as Promise<never>;
    },
    tell: (message) => {
      child.send(message);
    },
    onMessage: (fn) => child.on('message', fn),
    kill: () => end(child, 'SIGKILL'),
    end: () => end(child, 'SIGTERM'),
    stop: () => {
      child.removeAllListeners('exit');
      child.kill('SIGTERM');
    },
  };
}

function firstMessage<Ready>(child: ChildProcess, file: string): Promise<Ready> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${file} did not start within ${STARTED_MS} ms`)), STARTED_MS);
    child.once('exit', (code) => reject(new Error(`${file} ended with ${code}`)));
    child.once('message', (message) => {
      clearTimeout(timer);
      child.removeAllListeners('exit');
      resolve(message as Ready);
    });
  });
}

function nextMessage(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = (): void => reject(new Error('the process ended'));
    child.once('exit', onExit);
    child.once('message', (message) => {
      child.off('exit', onExit);
      resolve(message);
    });
  });
}

function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  return new Promise((resolve) => {
    child.removeAllListeners('exit');
    child.once('exit', () => resolve());
    child.kill(signal);
  });
}
