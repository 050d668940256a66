/** Child processes of the failure tests: on this Node, ready when they say so, ended by their pid. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Child<Ready> {
  readonly ready: Ready;
  readonly pid: number;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
}

const STARTED_MS = 60_000;

/** Starts `processes/<file>`; rejects when it ends, or is silent for a minute, before it is ready. */
export async function startChild<Ready>(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Child<Ready>> {
  const path = fileURLToPath(new URL(`./processes/${file}`, import.meta.url));
  const child = fork(path, args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [],
    env: { ...process.env, ...env },
  });
  const ready = await firstMessage<Ready>(child, file);
  return { ready, pid: child.pid ?? 0, kill: () => kill(child) };
}

function firstMessage<Ready>(child: ChildProcess, file: string): Promise<Ready> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${file} said nothing for ${STARTED_MS} ms`)), STARTED_MS);
    const onExit = (code: number | null): void => {
      clearTimeout(timer);
      reject(new Error(`${file} ended with ${code} before it was ready`));
    };
    child.once('exit', onExit);
    child.once('message', (message) => {
      clearTimeout(timer);
      child.off('exit', onExit);
      resolve(message as Ready);
    });
  });
}

function kill(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve();
      return;
    }
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
