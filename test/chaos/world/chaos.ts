/** One seed of the chaos: processes, faults, work, and the verdict. */
import { executionsOf } from './executions.ts';
import { judge, type Verdict } from './judge.ts';
import { Load } from './load.ts';
import { ChaosMesh } from './mesh.ts';
import { Nemesis } from './nemesis.ts';
import { type Deed, drawPlan } from './plan.ts';
import { workflows } from './workflows.ts';

export interface ChaosOptions {
  readonly seed: number;
  readonly minutes: number;
  readonly agents: number;
  readonly beatIntervalMs: number;
  readonly lossWindowMs: number;
}

export interface ChaosReport extends Verdict {
  readonly seed: number;
  readonly options: ChaosOptions;
  readonly acknowledged: number;
  /** What was done, and how often. */
  readonly faults: Readonly<Record<string, number>>;
  readonly plan: readonly Deed[];
  /** Where ledgers, log and database are; only when something is wrong. */
  readonly evidence?: string;
}

const CALLERS = 6;

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { seed, minutes, agents, beatIntervalMs, lossWindowMs } = options;
  const plan = drawPlan(seed, { ms: minutes * 60_000, agents, lossWindowMs });
  await using mesh = await ChaosMesh.start({ agents, settings: { beatIntervalMs, lossWindowMs } });
  for (const workflow of workflows) await mesh.client.registerWorkflow(workflow);
  // Long enough to be under way when something happens to it, short enough for many.
  const load = new Load({ client: mesh.client, callers: CALLERS, stepMs: lossWindowMs / 3 });
  const nemesis = new Nemesis(mesh);
  await nemesis.play(plan);
  await load.stop();
  const verdict = await judge({
    client: mesh.client,
    acknowledged: load.started,
    executions: () => executionsOf(mesh.ledger(), nemesis.suffered),
    suffered: nemesis.suffered,
    endsWithinMs: 60_000 + 4 * lossWindowMs,
  });
  mesh.keep = verdict.violations.length > 0;
  return {
    seed,
    options,
    acknowledged: load.started.length,
    ...verdict,
    faults: Object.fromEntries([...nemesis.done].sort()),
    plan,
    ...(mesh.keep ? { evidence: mesh.folder } : {}),
  };
}
