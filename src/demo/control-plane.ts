/** The control plane of the demo: `yardmaster serve` as a process of its own, on a store in the demo's folder. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Child, Processes } from './processes.ts';

const HOST = '127.0.0.1';
/** The sources run unbuilt; `dist` holds JavaScript. */
const CLI = import.meta.url.endsWith('.ts') ? '../cli/main.ts' : '../cli/main.js';

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

export async function startControlPlane(
  processes: Processes,
  { port, store }: ControlPlaneOptions,
): Promise<ControlPlaneProcess> {
  const chosen = (await listenOnce(port)) ?? (await listenOnce(0)) ?? 0;
  const args = [fileURLToPath(new URL(CLI, import.meta.url)), 'serve', '--port', `${chosen}`, '--store', store];
  const { name, pid } = processes.spawn({ name: 'control plane', args, env: {} });
  return { name, pid, address: `${HOST}:${chosen}` };
}

/** The port that could be listened on (a free one for 0), or undefined. */
async function listenOnce(port: number): Promise<number | undefined> {
  const server = createServer();
  try {
    server.listen(port, HOST);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  } catch {
    return undefined;
  } finally {
    server.close();
  }
}
