/** One fault alone, with its figures: what the command shows with the times of the product and the tests with shorter ones. */
import type { Orchestrator } from '../../../src/client/index.ts';
import { sleep, systemClock } from '../../../src/core/clock.ts';
import { executionsOf } from '../world/executions.ts';
import { judge, type Verdict } from '../world/judge.ts';
import type { ChaosMesh } from '../world/mesh.ts';
import type { Suffered } from '../world/nemesis.ts';

export interface Times {
  readonly beatIntervalMs: number;
  readonly lossWindowMs: number;
}

/** What a control plane has that nobody configured. */
export const PRODUCT_TIMES: Times = { beatIntervalMs: 5_000, lossWindowMs: 30_000 };

export interface ScenarioReport {
  readonly figures: Readonly<Record<string, number>>;
  readonly violations: readonly string[];
}

/** Resolves when `condition` holds; rejects after `ms`, and says what it waited for. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, ms = 120_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`in ${ms} ms it did not happen that ${what}`);
    await pause(20);
  }
}

export function pause(ms: number): Promise<void> {
  return sleep(systemClock, Math.max(0, ms));
}

/** One step of an action; its parameters are the work. */
export function workflowOf(action: string): { name: string; steps: readonly object[] } {
  return { name: action, steps: [{ id: 'work', action, parameters: '${{ params }}' }] };
}

/** Starts `count` runs of the action, each of exactly `ms`. */
export async function startWork(
  client: Orchestrator,
  action: string,
  count: number,
  ms: number,
): Promise<readonly string[]> {
  await client.registerWorkflow(workflowOf(action));
  const runs = Array.from({ length: count }, (_, i) =>
    client.startWorkflow(action, { key: `${action}-${ms}-${i}/work`, ms, isExact: true }),
  );
  return (await Promise.all(runs)).map(({ id }) => id);
}

/** Its attempt is accepted, and its handler is at work. */
export async function hasBegun(client: Orchestrator, runId: string): Promise<boolean> {
  return ((await client.getRun(runId)).steps[0]?.progress ?? 0) > 0;
}

/** What does not hold of the runs, their histories and what the agents wrote down. */
export async function violationsIn(mesh: ChaosMesh): Promise<readonly string[]> {
  return (await verdictOn(mesh, [])).violations;
}

/** The same, of processes that were frozen or killed meanwhile. */
export async function verdictOn(mesh: ChaosMesh, suffered: readonly Suffered[]): Promise<Verdict> {
  const verdict = await judge({
    client: mesh.client,
    acknowledged: [],
    executions: () => executionsOf(mesh.ledger(), suffered),
    suffered,
    endsWithinMs: 180_000,
    checksResults: false,
  });
  mesh.keep = verdict.violations.length > 0;
  return verdict;
}
