/** A mesh with one agent that answers everything a test names. */
import type { Workflow } from 'yardmaster';
import { type MockAgent, TestMesh, type TestRun } from 'yardmaster/testing';

export interface Stage extends AsyncDisposable {
  readonly mesh: TestMesh;
  readonly worker: MockAgent;
}

/** `takes`: how long each action takes. */
export async function openStage(takes: Readonly<Record<string, string | number>>): Promise<Stage> {
  const mesh = await TestMesh.start();
  const worker = mesh.agent('worker');
  for (const [action, duration] of Object.entries(takes)) worker.setResponse(action, action).setDelay(action, duration);
  return { mesh, worker, [Symbol.asyncDispose]: () => mesh[Symbol.asyncDispose]() };
}

/** Runs it, lets so much time go by, and hands the run out. */
export async function play(mesh: TestMesh, workflow: Workflow, takes = '10m', params: object = {}): Promise<TestRun> {
  const run = await mesh.startWorkflow(workflow, params);
  await mesh.advance(takes);
  return run;
}

/** Status by step. */
export async function statusesOf(run: TestRun): Promise<Readonly<Record<string, string>>> {
  const { steps } = await run.result();
  return Object.fromEntries(steps.map(({ path, status }) => [path, status]));
}

/** Minutes from the beginning of the run at which each attempt started and ended. */
export function minutesOf(run: TestRun): readonly string[] {
  const zero = run.journal()[0]?.at ?? 0;
  const minute = (at: number | undefined): string => (at === undefined ? '?' : `${Math.round((at - zero) / 60_000)}`);
  return run.history().map(({ path, startedAt, endedAt }) => `${path} ${minute(startedAt)}-${minute(endedAt)}`);
}
