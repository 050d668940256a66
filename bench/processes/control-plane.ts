/** The control plane of the benchmark: the product's own server on SQLite in a new folder, or in one that is given and stays, and figures about itself. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer } from 'yardmaster/control-plane';
import type { FleetSeen } from '../fleet.ts';
import type { Figures } from '../mesh.ts';

const [, , given] = process.argv;
const folder = given ?? mkdtempSync(join(tmpdir(), 'yardmaster-bench-'));
const server = await startServer({ port: 0, store: { kind: 'sqlite', file: join(folder, 'yardmaster.db') } });

function figures(): Figures {
  const cpuBeforeUs = cpuUs();
  globalThis.gc?.();
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  return { rss, heap: heapUsed, cpuBeforeUs, cpuAfterUs: cpuUs(), commits: server.stats().commits };
}

function fleet(): FleetSeen {
  const instances = server.controlPlane.listAgents('default').flatMap(({ instances }) => instances);
  const ready = instances.filter(({ status }) => status === 'READY');
  const connectedAt = ready.map(({ connectedAt }) => connectedAt);
  return { ready: ready.length, firstAt: Math.min(...connectedAt), lastAt: Math.max(...connectedAt) };
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

process.on('message', (message) => {
  if (message === 'figures') process.send?.(figures());
  if (message === 'fleet') process.send?.(fleet());
});
process.on('SIGTERM', () => void close());
process.on('disconnect', () => void close());
process.send?.({ url: server.url, pid: process.pid });

async function close(): Promise<void> {
  await server.stop();
  if (given === undefined) rmSync(folder, { recursive: true, force: true });
  process.exit(0);
}
