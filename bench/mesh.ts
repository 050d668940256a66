/** The mesh of one benchmark run: a control plane process, agents, and the client in this process. */
import { Orchestrator } from 'yardmaster/client';
import { type BenchProcess, startProcess } from './start-process.ts';

export interface Figures {
  readonly rss: number;
  readonly heap: number;
  /** CPU time of all threads, before and after the collection that these figures force: that is the benchmark's own work. */
  readonly cpuBeforeUs: number;
  readonly cpuAfterUs: number;
  /** Transactions that wrote. */
  readonly commits: number;
}

export interface Mesh {
  readonly url: string;
  readonly client: Orchestrator;
  figures(): Promise<Figures>;
  /** Asks the control plane's process something else. */
  ask<Answer>(question: string): Promise<Answer>;
  /** kill -9. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

/** With `BENCH_PROFILE=DIR` the control plane writes CPU profiles of its threads there when it ends. `dataFolder`: stays; default: a new one. */
export async function startMesh(dataFolder?: string): Promise<Mesh> {
  const folder = process.env.BENCH_PROFILE;
  const profile = folder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${folder}`];
  const controlPlane = await startProcess<{ url: string }>(
    'control-plane.ts',
    dataFolder === undefined ? [] : [dataFolder],
    ['--expose-gc', ...profile],
  );
  const { url } = controlPlane.ready;
  const client = new Orchestrator({ url });
  // Not `ready()`, which would watch the fleet during the measurement.
  await client.listRuns({ limit: 1 });
  return {
    url,
    client,
    figures: () => controlPlane.ask<Figures>('figures'),
    ask: (question) => controlPlane.ask(question),
    kill: async () => {
      await client.close();
      await controlPlane.kill();
    },
    close: async () => {
      await client.close();
      await controlPlane.end();
    },
  };
}

export function startAgent(file: string, args: readonly string[]): Promise<BenchProcess<{ pid: number }>> {
  return startProcess<{ pid: number }>(file, args);
}

/** Starts a run and waits until it is terminal; throws unless it COMPLETED. */
export async function runOnce(client: Orchestrator, workflow: string): Promise<void> {
  const { runId, run } = await client.api.runs.startRun({ workflow, wait: { seconds: 60n, nanos: 0 } });
  if (run?.endTime === undefined) throw new Error(`run ${runId} did not end within a minute`);
  if (run.error !== undefined) throw new Error(`run ${runId}: ${run.error.code} ${run.error.message}`);
}
