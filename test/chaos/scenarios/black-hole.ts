/** An agent is out of reach, and nobody says so: it is found by its silence, and its idempotent work moves; the rest waits for the window. */
import type { LedgerLine } from '../ledger.ts';
import { nowMs } from '../ledger.ts';
import { AGAIN, ONCE } from '../work.ts';
import { ChaosMesh } from '../world/mesh.ts';
import { hasBegun, type ScenarioReport, startWork, type Times, until, violationsIn } from './scenario.ts';

/** From the judgement to the start of the work elsewhere, on a machine that has other things to do. */
const SLACK_MS = 2_000;
const SILENT_BEATS = 3;

export async function blackHole(times: Times): Promise<ScenarioReport> {
  const { beatIntervalMs, lossWindowMs } = times;
  // The second agent comes when the first has the work.
  await using mesh = await ChaosMesh.start({ agents: 1, settings: times });
  const [lost] = mesh.agents;
  if (lost === undefined) throw new Error('there is no agent');
  const ms = 2 * lossWindowMs;
  const [idempotent = ''] = await startWork(mesh.client, AGAIN, 1, ms);
  const [exclusive = ''] = await startWork(mesh.client, ONCE, 1, ms);
  for (const id of [idempotent, exclusive]) await until('the work is under way', () => hasBegun(mesh.client, id));
  const other = await mesh.addAgent();
  await until('the other agent is there', async () => (await mesh.readyAgents()) === 2);
  const from = nowMs();
  const heal = lost.wire.begin({ kind: 'hold' });
  const startOf = (run: string): LedgerLine | undefined =>
    mesh.ledger().find(({ runId, what, number }) => runId === run && what === 'start' && number === 2);
  await until('the idempotent work has moved', () => startOf(idempotent) !== undefined);
  await until('the other work has moved', () => startOf(exclusive) !== undefined);
  heal();
  const foundMs = Math.round((startOf(idempotent)?.t ?? Number.NaN) - from);
  const movedMs = Math.round((startOf(exclusive)?.t ?? Number.NaN) - from);
  const violations = [...(await violationsIn(mesh))];
  const silenceMs = SILENT_BEATS * beatIntervalMs;
  if (!(foundMs <= silenceMs + SLACK_MS)) violations.push(`it was found after ${foundMs} ms, later than ${silenceMs}`);
  if (!(movedMs >= lossWindowMs - beatIntervalMs * 1.2 - SLACK_MS))
    violations.push(`work that is not idempotent moved after ${movedMs} ms`);
  if (other.process.isAlive === false) violations.push('the other agent has died');
  return { figures: { silenceMs, foundMs, lossWindowMs, movedMs }, violations };
}
