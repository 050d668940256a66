/**
 * SIGSTOP of both sides: while the control plane stands still nobody is lost, and an agent that stands still for longer than its window
 * wakes up to work that somebody else does by then.
 */
import { nowMs } from '../ledger.ts';
import { ONCE } from '../work.ts';
import { ChaosMesh } from '../world/mesh.ts';
import type { Suffered } from '../world/nemesis.ts';
import { hasBegun, pause, type ScenarioReport, startWork, type Times, until, verdictOn } from './scenario.ts';

export interface FreezeOptions extends Times {
  /** How long the control plane stands still; an agent that hears nothing for 0.9 of the window stops its work by itself. */
  readonly stallMs: number;
}

const RUNS = 3;

export async function freeze({ stallMs, ...times }: FreezeOptions): Promise<ScenarioReport> {
  const { lossWindowMs } = times;
  // The second agent comes when the first has the work.
  await using mesh = await ChaosMesh.start({ agents: 1, settings: times });
  const { client, controlPlane, agents } = mesh;
  const [frozen] = agents;
  if (frozen === undefined) throw new Error('there is no agent');
  const ids = await startWork(client, ONCE, RUNS, 2 * lossWindowMs);
  for (const id of ids) await until('the work is under way', () => hasBegun(client, id));
  const suffered: Suffered[] = [];
  const thaw = async (from: number): Promise<void> => {
    frozen.process.thaw();
    suffered.push({ pid: frozen.process.pid, what: 'frozen', from, until: nowMs() });
  };
  const startsOf = (number: number): readonly { readonly t: number }[] =>
    mesh.ledger().filter((line) => line.what === 'start' && line.number === number);

  controlPlane.freeze();
  await pause(stallMs);
  controlPlane.thaw();
  await mesh.addAgent();
  await until('both agents are there', async () => (await mesh.readyAgents()) === 2);
  const startsAfterStall = startsOf(1).length + startsOf(2).length;

  const from = nowMs();
  frozen.process.freeze();
  await until('the work has moved', () => startsOf(2).length === RUNS).catch(async (error: unknown) => {
    await thaw(from);
    throw error;
  });
  const movedMs = Math.round(Math.min(...startsOf(2).map(({ t }) => t)) - from);
  await thaw(from);

  const { violations: found, lateWakes, longestLateWakeMs } = await verdictOn(mesh, suffered);
  const violations = [...found];
  if (startsAfterStall !== RUNS) violations.push(`${RUNS} steps were started ${startsAfterStall} times`);
  // It counts from the last frame that arrived, a beat ago at most.
  if (movedMs < lossWindowMs - 1.2 * times.beatIntervalMs) violations.push(`the work moved after ${movedMs} ms`);
  const figures = { stallMs, startsAfterStall, lossWindowMs, movedMs, lateWakes, longestLateWakeMs };
  return { figures, violations };
}
