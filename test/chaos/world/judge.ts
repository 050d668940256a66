/** The verdict over a whole run of the chaos: from what the API says and from what the agents wrote down, which know nothing of each other. */
import { readPayload } from '../../../src/client/blobs.ts';
import type { Orchestrator } from '../../../src/client/index.ts';
import type { RunEvent } from '../../../src/client/run-event.ts';
import type { WorkflowResult } from '../../../src/client/run-result.ts';
import type { RunView } from '../../../src/client/views.ts';
import { sleep, systemClock } from '../../../src/core/clock.ts';
import { AGAIN } from '../work.ts';
import { type Execution, overlapOf } from './executions.ts';
import { acceptedOf, isPoisoned, judgeHistory } from './judge-history.ts';
import type { StartedRun } from './load.ts';
import type { Suffered } from './nemesis.ts';
import { type ChaosParameters, wrongResults } from './workflows.ts';

/** From the wake of a frozen process to its stop; the machine may be busy. */
const LATE_WAKE_MS = 3_000;
const RUNS_MAX = 1_000_000;

export interface Verdict {
  readonly runs: number;
  readonly completed: number;
  /** FAILED because three instances were lost under one step. */
  readonly poisoned: number;
  readonly attempts: number;
  /** Attempts that the control plane gave up for lost. */
  readonly lostAttempts: number;
  /** Attempts whose instance was out of reach and came back with them. */
  readonly returns: number;
  readonly executions: number;
  /** Executions that went on for a moment when their frozen process woke up, and stopped by themselves. */
  readonly lateWakes: number;
  readonly longestLateWakeMs: number;
  readonly violations: readonly string[];
}

export interface Evidence {
  readonly client: Orchestrator;
  readonly acknowledged: readonly StartedRun[];
  /** Asked once the runs have ended. */
  readonly executions: () => readonly Execution[];
  readonly suffered: readonly Suffered[];
  /** All runs must have ended until then. */
  readonly endsWithinMs: number;
  /** False: other workflows than those of the chaos, whose results are not known here. Default true. */
  readonly checksResults?: boolean;
}

export async function judge(evidence: Evidence): Promise<Verdict> {
  const { client, acknowledged, endsWithinMs } = evidence;
  const runs = await client.listRuns({ limit: RUNS_MAX });
  const known = new Set(runs.map(({ runId }) => runId));
  const violations = acknowledged
    .filter(({ runId }) => !known.has(runId))
    .map(({ runId }) => `${runId}: its start was acknowledged, and nobody knows it`);
  const ended = await resultsOf(client, runs, endsWithinMs);
  const executions = evidence.executions();
  const byRun = Map.groupBy(executions, ({ runId }) => runId);
  const total = {
    completed: 0,
    poisoned: 0,
    attempts: 0,
    lostAttempts: 0,
    returns: 0,
    lateWakes: 0,
    longestLateWakeMs: 0,
  };
  for (const run of runs) {
    const result = ended.get(run.runId);
    if (result === undefined) {
      violations.push(`${run.runId}: it has not ended; ${await explain(client, run.runId)}`);
      continue;
    }
    const events = await historyOf(client, run.runId);
    const own = byRun.get(run.runId) ?? [];
    const overlaps = judgeOverlaps(own, acceptedOf(events), evidence.suffered);
    const wrong = [...judgeHistory(events, own), ...overlaps.wrong, ...(await judgeEnd(evidence, result, events))];
    violations.push(...wrong.map((text) => `${run.runId} (${run.workflow}): ${text}`));
    total.completed += result.status === 'COMPLETED' ? 1 : 0;
    total.poisoned += result.status === 'COMPLETED' ? 0 : 1;
    total.attempts += count(events, ({ type }) => type === 'attemptStarted');
    total.lostAttempts += count(events, (event) => event.type === 'attemptEnded' && event.outcome === 'LOST');
    total.returns += count(events, ({ type }) => type === 'attemptReturned');
    total.lateWakes += overlaps.lateWakesMs.length;
    total.longestLateWakeMs = Math.max(total.longestLateWakeMs, ...overlaps.lateWakesMs);
  }
  return { runs: runs.length, executions: executions.length, ...total, violations };
}

/** Of all runs that end in time. */
async function resultsOf(
  client: Orchestrator,
  runs: readonly RunView[],
  endsWithinMs: number,
): Promise<ReadonlyMap<string, WorkflowResult>> {
  const results = new Map<string, WorkflowResult>();
  const deadline = sleep(systemClock, endsWithinMs).then(() => undefined);
  for (const { runId } of runs) {
    const result = await Promise.race([client.run(runId).result(), deadline]);
    if (result !== undefined) results.set(runId, result);
  }
  return results;
}

/** Non-idempotent work: one execution at a time, and none after the result was accepted. */
function judgeOverlaps(
  executions: readonly Execution[],
  accepted: ReadonlyMap<string, number>,
  suffered: readonly Suffered[],
): { readonly wrong: readonly string[]; readonly lateWakesMs: readonly number[] } {
  const wrong: string[] = [];
  const lateWakesMs: number[] = [];
  const exclusive = executions.filter(({ capability }) => capability !== AGAIN);
  for (const [step, starts] of Map.groupBy(exclusive, (execution) => execution.step)) {
    const winner = starts.find(({ number }) => number === accepted.get(step));
    for (const [i, first] of starts.entries()) {
      if (winner !== undefined && first.from > winner.until) {
        wrong.push(`${step}#${first.number} began after the result of #${winner.number} that was accepted`);
      }
      for (const second of starts.slice(i + 1)) {
        const { ms, isLateWake } = overlapOf(first, second, suffered);
        if (ms === 0) continue;
        if (isLateWake && ms <= LATE_WAKE_MS) lateWakesMs.push(ms);
        else wrong.push(`${step}#${first.number} and #${second.number} ran at once for ${ms.toFixed(1)} ms`);
      }
    }
  }
  return { wrong, lateWakesMs };
}

async function judgeEnd(
  { client, checksResults = true }: Evidence,
  result: WorkflowResult,
  events: readonly RunEvent[],
): Promise<readonly string[]> {
  const view = await client.getRun(result.runId, { values: true });
  if (view.status !== result.status) return [`it is ${result.status} and then ${view.status}`];
  if (result.status === 'COMPLETED' && !checksResults) return [];
  if (result.status === 'COMPLETED') return wrongResults(result.steps, await parametersOf(client, view));
  if (result.error?.code === 'POISONED' && isPoisoned(events)) return [];
  return [`it ended ${result.status} with ${result.error?.code}: ${result.error?.message}`];
}

async function parametersOf(client: Orchestrator, { runId, parameters }: RunView): Promise<ChaosParameters> {
  // The load wrote them.
  return (await readPayload(client.api, runId, parameters)) as unknown as ChaosParameters;
}

async function historyOf(client: Orchestrator, runId: string): Promise<readonly RunEvent[]> {
  const events: RunEvent[] = [];
  for await (const event of client.run(runId).events()) events.push(event);
  return events;
}

async function explain(client: Orchestrator, runId: string): Promise<string> {
  try {
    return (await client.run(runId).explain()).summary;
  } catch (error) {
    return String(error);
  }
}

function count(events: readonly RunEvent[], fits: (event: RunEvent) => boolean): number {
  return events.filter(fits).length;
}
