/** The network is gone for a while, for everybody: what is not idempotent goes on where it is, and nothing runs again. */
import { sleep, systemClock } from '../../../src/core/clock.ts';
import { ONCE } from '../work.ts';
import { ChaosMesh } from '../world/mesh.ts';
import { type ScenarioReport, startWork, type Times, until, violationsIn } from './scenario.ts';

export interface CutOptions extends Times {
  readonly cutMs: number;
}

const AGENTS = 3;
const RUNS_EACH_MS = 6;

export async function cut({ cutMs, ...settings }: CutOptions): Promise<ScenarioReport> {
  await using mesh = await ChaosMesh.start({ agents: AGENTS, settings });
  // Some are done while nobody can hear of it, some after it.
  const lengths = [cutMs / 2, 1.5 * cutMs];
  for (const ms of lengths) await startWork(mesh.client, ONCE, RUNS_EACH_MS, ms);
  const runs = lengths.length * RUNS_EACH_MS;
  await until('all of the work is under way', () => mesh.ledger().length >= runs);
  const ends = mesh.agents.map(({ wire }) => wire.begin({ kind: 'hold' }));
  await sleep(systemClock, cutMs);
  for (const end of ends) end();
  const violations = [...(await violationsIn(mesh))];
  const starts = mesh.ledger().filter(({ what }) => what === 'start').length;
  if (starts !== runs) violations.push(`${runs} steps were started ${starts} times`);
  return { figures: { cutMs, runs, starts }, violations };
}
