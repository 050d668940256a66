/**
 * Long runs: what a step costs when a run has ten and a hundred times as many. The last step waits for a signal, so that the run
 * still holds all that it needs when its heap is measured.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { Orchestrator } from 'yardmaster/client';
import { type Mesh, startAgent, startMesh } from './mesh.ts';

export interface CurvePoint {
  readonly steps: number;
  /** From the start of the run to its last step. */
  readonly stepUs: number;
  /** CPU time of the control plane, all threads. */
  readonly stepCpuUs: number;
  /** Heap that the open run holds after all its steps. */
  readonly stepBytes: number;
}

export interface CurveFigures {
  readonly chain: readonly CurvePoint[];
  readonly loop: readonly CurvePoint[];
  readonly map: readonly CurvePoint[];
}

const POLL_MS = 50;
/** So many polls without a change: the run waits for its signal. */
const STILL_POLLS = 6;
/** Before the first point: the code is compiled by then. */
const WARM_UP_RUNS = 2;
/** Short runs are measured over several. */
const RUNS_MAX = 20;
const TEXT = 'x'.repeat(200);

const end = { id: 'end', type: 'signal', signal: 'go' };

const shapes = {
  chain: (steps: number) => ({
    name: `Chain${steps}`,
    steps: [
      ...Array.from({ length: steps }, (_, i) => ({ id: `s${i}`, action: 'echo', parameters: { text: TEXT } })),
      end,
    ],
  }),
  loop: (steps: number) => ({
    name: `Loop${steps}`,
    steps: [
      {
        id: 'all',
        type: 'loop',
        while: `iteration < ${steps}`,
        maxIterations: steps,
        body: [{ id: 'one', action: 'echo', parameters: { text: TEXT } }],
      },
      end,
    ],
  }),
  map: (steps: number) => ({
    name: `Map${steps}`,
    steps: [
      {
        id: 'all',
        type: 'map',
        items: Array.from({ length: steps }, (_, i) => i),
        step: { id: 'one', action: 'echo', parameters: { text: TEXT } },
      },
      end,
    ],
  }),
} as const;

export async function measureCurves(): Promise<CurveFigures> {
  const mesh = await startMesh();
  const agent = await startAgent('echo-agent.ts', [mesh.url, '1000']);
  try {
    return {
      chain: await curve(mesh, shapes.chain, 1_000),
      loop: await curve(mesh, shapes.loop, 5_000),
      map: await curve(mesh, shapes.map, 10_000),
    };
  } finally {
    agent.stop();
    await mesh.close();
  }
}

/** A hundredth of `steps`, a tenth and all of them. */
async function curve(mesh: Mesh, shape: (steps: number) => { readonly name: string }, steps: number) {
  const points: CurvePoint[] = [];
  const whole = shape(steps);
  await mesh.client.registerWorkflow(whole);
  for (let i = 0; i < WARM_UP_RUNS; i++) await settle(mesh.client, await start(mesh.client, whole.name));
  for (const count of [steps / 100, steps / 10, steps]) {
    const workflow = shape(count);
    await mesh.client.registerWorkflow(workflow);
    points.push(await measure(mesh, workflow.name, count, Math.min(RUNS_MAX, (2 * steps) / count)));
  }
  return points;
}

async function measure(mesh: Mesh, workflow: string, steps: number, runs: number): Promise<CurvePoint> {
  const before = await mesh.figures();
  const runIds: string[] = [];
  let stepsMs = 0;
  for (let i = 0; i < runs; i++) {
    const runId = await start(mesh.client, workflow);
    runIds.push(runId);
    stepsMs += await untilStill(mesh.client, runId);
  }
  const after = await mesh.figures();
  for (const runId of runIds) await settle(mesh.client, runId);
  const count = steps * runs;
  return {
    steps,
    stepUs: (stepsMs * 1_000) / count,
    stepCpuUs: (after.cpuBeforeUs - before.cpuAfterUs) / count,
    stepBytes: (after.heap - before.heap) / count,
  };
}

async function start(client: Orchestrator, workflow: string): Promise<string> {
  return (await client.api.runs.startRun({ workflow })).runId;
}

/** Lets a run end that waits for its signal, or soon will: signals are kept. */
async function settle(client: Orchestrator, runId: string): Promise<void> {
  await client.signal(runId, 'go');
  const { run } = await client.api.runs.getRun({ runId, omitSteps: true, wait: { seconds: 60n, nanos: 0 } });
  if (run?.endTime === undefined || run.error !== undefined) throw new Error(`run ${runId} did not complete`);
}

/** The milliseconds from the start of the run to its last step, which waits now. */
async function untilStill(client: Orchestrator, runId: string): Promise<number> {
  for (let still = 0, position = 0; still < STILL_POLLS; ) {
    await pause(POLL_MS);
    const { run } = await client.api.runs.getRun({ runId, omitSteps: true });
    still = run?.position === position ? still + 1 : 0;
    position = run?.position ?? 0;
  }
  const { run } = await client.api.runs.getRun({ runId });
  const last = run?.steps.find(({ path }) => path === 'end');
  if (run?.startTime === undefined || last?.readyTime === undefined) throw new Error(`run ${runId} is not at its end`);
  return timestampMs(last.readyTime) - timestampMs(run.startTime);
}
