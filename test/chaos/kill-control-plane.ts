/**
 * kill -9 of the control plane under load, again and again, on the same file. Somebody else (this process) keeps the list of
 * what was acknowledged; the agents keep a ledger of what they executed.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Orchestrator } from '../../src/client/index.ts';
import { isYardmasterError } from '../../src/core/errors.ts';
import { seededRandom } from '../../src/core/random.ts';
import { type Child, startChild } from './child-process.ts';

export interface KillReport {
  readonly kills: number;
  /** Runs whose StartRun was acknowledged. */
  readonly acknowledged: number;
  /** Acknowledged runs that the control plane does not know any more. */
  readonly lost: readonly string[];
  readonly notCompleted: readonly string[];
  /** Steps that were executed more than once, although their agent never died. */
  readonly executedAgain: readonly string[];
  readonly executions: number;
  /** Attempts that were under way at a kill and went on. */
  readonly heldOverKills: number;
}

interface ControlPlaneReady {
  readonly port: number;
  readonly recovered: { readonly leased: number };
}

const workflow = {
  name: 'Ledger',
  steps: [
    { id: 'first', action: 'work', parameters: { seed: '${{ params.seed }}' } },
    {
      id: 'wide',
      type: 'parallel',
      steps: Array.from({ length: 4 }, (_, i) => ({
        id: `w${i}`,
        action: 'work',
        parameters: { seed: `\${{ params.seed }}${'x'.repeat(i * 7)}` },
      })),
    },
    { id: 'last', action: 'work', parameters: '${{ steps.first.output }}' },
  ],
};
const CLIENTS = 6;
const ALIVE_MS = 1_200;
/** Acknowledged before each kill, however slow the machine is: a kill of an idle control plane shows nothing. */
const RUNS_PER_KILL = 4;

export async function killControlPlane(kills: number, seed: number): Promise<KillReport> {
  const folder = await mkdtemp(join(tmpdir(), 'yardmaster-kill-'));
  const file = join(folder, 'yardmaster.db');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const random = seededRandom(seed);
  const start = (): Promise<Child<ControlPlaneReady>> => startChild('control-plane.ts', [file, String(port)]);
  let controlPlane = await start();
  const ledgers = ['one', 'two'].map((id) => join(folder, `${id}.ledger`));
  const agents = await Promise.all(
    ['one', 'two'].map((id, i) => startChild('ledger-agent.ts', [url, id, ledgers[i] ?? ''])),
  );
  const client = new Orchestrator({ url });
  const load = new Load(client);
  let heldOverKills = 0;
  try {
    await client.registerWorkflow(workflow);
    load.start(CLIENTS);
    for (let kill = 0; kill < kills; kill++) {
      await Promise.all([pause(100 + random.next() * ALIVE_MS), load.reaches((kill + 1) * RUNS_PER_KILL)]);
      await controlPlane.kill();
      controlPlane = await start();
      heldOverKills += controlPlane.ready.recovered.leased;
    }
    await load.stop();
    return { kills, heldOverKills, ...judge(await load.results()), ...judgeLedgers(ledgers) };
  } finally {
    load.abandon();
    await Promise.all([...agents, controlPlane].map((child) => child.kill()));
    await client.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Starts runs as fast as they are acknowledged; a request that failed is repeated under its id. */
class Load {
  private readonly client: Orchestrator;
  private readonly acknowledged: string[] = [];
  private isOver = false;
  private workers: readonly Promise<void>[] = [];

  constructor(client: Orchestrator) {
    this.client = client;
  }

  start(clients: number): void {
    this.workers = Array.from({ length: clients }, (_, i) => this.work(i));
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.workers);
  }

  abandon(): void {
    this.isOver = true;
  }

  /** So many runs are acknowledged, in all. Ends with the load, too. */
  async reaches(count: number): Promise<void> {
    while (this.acknowledged.length < count && !this.isOver) await pause(20);
  }

  results(): Promise<readonly Outcome[]> {
    return Promise.all(this.acknowledged.map((runId) => this.outcomeOf(runId)));
  }

  private async outcomeOf(runId: string): Promise<Outcome> {
    try {
      const { status } = await this.client.run(runId).result();
      return { runId, status };
    } catch (error) {
      return { runId, status: isYardmasterError(error) ? error.code : String(error) };
    }
  }

  private async work(client: number): Promise<void> {
    for (let request = 0; !this.isOver; request++) {
      const requestId = `c${client}-${request}`;
      const runId = await this.startUntilAcknowledged(requestId);
      if (runId !== undefined) this.acknowledged.push(runId);
      await pause(60);
    }
  }

  private async startUntilAcknowledged(requestId: string): Promise<string | undefined> {
    while (!this.isOver) {
      try {
        const run = await this.client.startWorkflow('Ledger', { seed: requestId }, { requestId });
        return run.id;
      } catch {
        await pause(100);
      }
    }
    return undefined;
  }
}

/** A run's status, or the code of the error that its result was answered with. */
interface Outcome {
  readonly runId: string;
  readonly status: string;
}

function judge(outcomes: readonly Outcome[]): Pick<KillReport, 'acknowledged' | 'lost' | 'notCompleted'> {
  const lost = outcomes.filter(({ status }) => status === 'RUN_NOT_FOUND').map(({ runId }) => runId);
  const notCompleted = outcomes
    .filter(({ status }) => status !== 'COMPLETED')
    .map(({ runId, status }) => `${runId} ${status}`);
  return { acknowledged: outcomes.length, lost, notCompleted };
}

function judgeLedgers(files: readonly string[]): Pick<KillReport, 'executedAgain' | 'executions'> {
  const counts = new Map<string, number>();
  let executions = 0;
  for (const file of files) {
    for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
      const { runId, step } = JSON.parse(line) as { runId: string; step: string };
      counts.set(`${runId}/${step}`, (counts.get(`${runId}/${step}`) ?? 0) + 1);
      executions += 1;
    }
  }
  return {
    executions,
    executedAgain: [...counts].filter(([, count]) => count > 1).map(([key, count]) => `${key} x${count}`),
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
