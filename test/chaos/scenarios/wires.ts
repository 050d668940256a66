/** Everything that a wire can do, one after the other and each way, to an agent that is at work: it goes on, and nothing runs again. */
import type { Fault } from '../proxy/fault.ts';
import { ONCE } from '../work.ts';
import { ChaosMesh } from '../world/mesh.ts';
import { hasBegun, pause, type ScenarioReport, startWork, type Times, until, violationsIn } from './scenario.ts';

export interface WiresOptions extends Times {
  /** How long each fault lasts; under the silence that is taken for a loss, or not: work waits for its agent either way. */
  readonly faultMs: number;
}

const RUNS = 4;
/** For the way back after a fault. */
const BACK_MS = 1_500;

const FAULTS: readonly Fault[] = [
  { kind: 'delay', ms: 400 },
  { kind: 'throttle', bytesPerSecond: 2_000 },
  { kind: 'hold', direction: 'up' },
  { kind: 'hold', direction: 'down' },
  { kind: 'hold' },
  { kind: 'reset' },
  { kind: 'refuse' },
  { kind: 'halfClose', direction: 'up' },
  { kind: 'halfClose', direction: 'down' },
  { kind: 'cutAfter', bytes: 100, direction: 'up' },
  { kind: 'cutAfter', bytes: 100, direction: 'down' },
];

export async function wires({ faultMs, ...settings }: WiresOptions): Promise<ScenarioReport> {
  await using mesh = await ChaosMesh.start({ agents: 1, settings });
  const [agent] = mesh.agents;
  if (agent === undefined) throw new Error('there is no agent');
  const workMs = FAULTS.length * (faultMs + BACK_MS);
  const ids = await startWork(mesh.client, ONCE, RUNS, workMs);
  for (const id of ids) await until('the work is under way', () => hasBegun(mesh.client, id));
  const connectionsBefore = agent.wire.accepted;
  for (const fault of FAULTS) {
    const end = agent.wire.begin(fault);
    await pause(faultMs);
    end();
    // Each fault finds an agent that has recovered from the one before.
    await until(`the agent is back after ${fault.kind}`, async () => (await mesh.readyAgents()) === 1);
  }
  const violations = [...(await violationsIn(mesh))];
  const starts = mesh.ledger().filter(({ what }) => what === 'start').length;
  if (starts !== RUNS) violations.push(`${RUNS} steps were started ${starts} times; evidence: ${mesh.folder}`);
  const connections = agent.wire.accepted - connectionsBefore;
  // Those that break it: reset, refuse, both cuts, and the ends.
  if (connections < 4) violations.push(`the faults made the agent dial ${connections} times only`);
  mesh.keep = violations.length > 0;
  return { figures: { faults: FAULTS.length, faultMs, connections, runs: RUNS, starts }, violations };
}
