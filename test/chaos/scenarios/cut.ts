/** The network is gone for a while, for everybody: what is not idempotent goes on where it is, and nothing runs again. */
import { sleep, systemClock } from '../../../src/core/clock.ts';
import { ONCE } from '../work.ts';
import { ChaosMesh } from '../world/mesh.ts';
import { hasBegun, type ScenarioReport, startWork, type Times, until, violationsIn } from './scenario.ts';

export interface CutOptions extends Times {
  readonly cutMs: number;
}

const AGENTS = 3;
const RUNS_EACH = 6;

export async function cut({ cutMs, ...settings }: CutOptions): Promise<ScenarioReport> {
  await using mesh = await ChaosMesh.start({ agents: AGENTS, settings });
  // Some are done while nobody can hear of it, some after it.
  const lengths = [cutMs / 2, 1.5 * cutMs];
  const ids: string[] = [];
  for (const ms of lengths) ids.push(...(await startWork(mesh.client, ONCE, RUNS_EACH, ms)));
  const runs = ids.length;
  for (const id of ids) await until('the work is under way', () => hasBegun(mesh.client, id));
  const ends = mesh.agents.map(({ wire }) => wire.begin({ kind: 'hold' }));
  await sleep(systemClock, cutMs);
  for (const end of ends) end();
  const violations = [...(await violationsIn(mesh))];
  const starts = mesh.ledger().filter(({ what }) => what === 'start').length;
  if (starts !== runs) violations.push(`${runs} steps were started ${starts} times; evidence: ${mesh.folder}`);
  mesh.keep = violations.length > 0;
  return { figures: { cutMs, runs, starts }, violations };
}
