/** The control plane of the demo: `yardmaster serve` as a process of its own, on a store in the demo's folder. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { YardmasterError } from '../core/errors.ts';
import type { Child, Processes } from './processes.ts';

/** The sources run unbuilt; `dist` holds JavaScript. */
const CLI = import.meta.url.endsWith('.ts') ? '../cli/main.ts' : '../cli/main.js';

/** The line that `serve --json` says when it is ready. */
const Ready = z.object({ url: z.string() });

export interface ControlPlaneOptions {
  /** Taken if it is free. */
  readonly port: number;
  /** The SQLite file. */
  readonly store: string;
}

export interface ControlPlaneProcess extends Child {
  /** `127.0.0.1:7420` */
  readonly address: string;
}

/** Resolves when it is ready. It says itself where it listens, so that no other one on the port is taken for it. */
export async function startControlPlane(
  processes: Processes,
  { port, store }: ControlPlaneOptions,
): Promise<ControlPlaneProcess> {
  const first = await tryPort(processes, (await isFree(port)) ? port : 0, store);
  // Somebody may have been faster.
  const ready = first ?? (await tryPort(processes, 0, store));
  if (ready !== undefined) return ready;
  throw new YardmasterError('DEMO_FAILED', 'Cannot start the control plane: it ended before it was ready', {
    next: `read the log: ${processes.logOf(NAME)}`,
  });
}

const NAME = 'control plane';

/** Undefined: it ended. */
async function tryPort(processes: Processes, port: number, store: string): Promise<ControlPlaneProcess | undefined> {
  const args = [fileURLToPath(new URL(CLI, import.meta.url)), 'serve', '--json', '--port', `${port}`, '--store', store];
  const { name, pid } = processes.spawn({ name: NAME, args, env: {}, speaks: true });
  const line = await processes.firstLine(pid);
  if (line !== undefined) return { name, pid, address: new URL(Ready.parse(JSON.parse(line)).url).host };
  await processes.release(pid);
  return undefined;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
