/** Everything that the demo runs on: the world outside, the control plane, the agents; started in order, ended as one. */
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Orchestrator } from '../client/index.ts';
import { type AgentProcess, startAgents } from './agents.ts';
import { startControlPlane } from './control-plane.ts';
import { readAirports, readBirdStrikes } from './data.ts';
import { awaitFleet, type Fleet } from './fleet.ts';
import { Processes } from './processes.ts';
import { createSources } from './sources.ts';
import { startWeb, type Web } from './web.ts';

/** Twenty times what it takes. */
const TIME_MAX_MS = 120_000;

export interface Folders {
  readonly work: string;
  readonly sources: string;
  readonly results: string;
  readonly outputs: string;
  readonly logs: string;
}

export interface Stage extends AsyncDisposable {
  readonly address: string;
  readonly store: string;
  readonly folders: Folders;
  readonly web: Web;
  readonly processes: Processes;
  readonly mesh: Orchestrator;
  readonly agents: readonly AgentProcess[];
  readonly fleet: Fleet;
  /** Aborts when the demo must end. */
  readonly signal: AbortSignal;
}

/** Resolves when all agents are connected. What was started ends when a part of it fails. */
export async function setUp(port: number, interrupted: AbortSignal): Promise<Stage> {
  const signal = AbortSignal.any([interrupted, AbortSignal.timeout(TIME_MAX_MS)]);
  const folders = createFolders();
  await using cleanup = new AsyncDisposableStack();
  const processes = cleanup.use(new Processes(folders.logs));
  createSources(folders.sources, readBirdStrikes());
  const web = cleanup.use(await startWeb(readAirports()));
  const store = join(folders.work, 'yardmaster.db');
  const { address } = await Promise.race([startControlPlane(processes, { port, store }), abortOf(signal)]);
  const url = `http://${address}`;
  const mesh = cleanup.use(new Orchestrator({ url }));
  const agents = startAgents(processes, { url, web, folders });
  const fleet = await Promise.race([awaitFleet(mesh, agents, signal), processes.watch(signal)]);
  const owned = cleanup.move();
  const dispose = (): Promise<void> => owned.disposeAsync();
  return { address, store, folders, web, processes, mesh, agents, fleet, signal, [Symbol.asyncDispose]: dispose };
}

function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

function createFolders(): Folders {
  const work = mkdtempSync(join(tmpdir(), 'yardmaster-demo-'));
  const folders = { sources: join(work, 'sources'), results: join(work, 'results'), outputs: join(work, 'outputs') };
  const all: Folders = { work, ...folders, logs: join(work, 'logs') };
  for (const folder of [all.sources, all.results, all.outputs, all.logs]) mkdirSync(folder);
  return all;
}
