/** A thousand agents come back: after the control plane was killed and started again, and after all of their connections broke at once. */
import { type Child, startChild } from '../child-process.ts';
import { FaultProxy } from '../proxy/fault-proxy.ts';
import { ChaosMesh } from '../world/mesh.ts';
import { type ScenarioReport, type Times, until } from './scenario.ts';

export interface ReturnOptions extends Times {
  readonly agents: number;
  readonly processes: number;
  /** On a machine that connects them for the first time in twice that. */
  readonly boundMs: number;
}

/** Share of the time that it took to start the agents: a machine that is slow at that is slow at the rest. */
const SHARE_OF_START = 0.5;
/** Who finds nobody for so long has come to wait up to so long between two dials, which is a rule of the protocol and no fault. */
const PATIENT_AFTER_MS = 5_000;
const DIAL_WAIT_MS_MAX = 10_000;

export async function fleetReturns({
  agents,
  processes,
  boundMs: quietBoundMs,
  ...settings
}: ReturnOptions): Promise<ScenarioReport> {
  await using mesh = await ChaosMesh.start({ agents: 0, settings });
  const wire = await FaultProxy.listen({ target: { port: mesh.port } });
  const fleet: Child<unknown>[] = [];
  const begunAt = performance.now();
  try {
    for (let i = 0; i < processes; i++) {
      fleet.push(await startChild('fleet-agents.ts', [wire.url, `p${i}`, String(agents / processes)]));
    }
    await until('the fleet is there', async () => (await mesh.readyAgents()) === agents);
    const startMs = Math.round(performance.now() - begunAt);
    const boundMs = Math.max(quietBoundMs, Math.round(startMs * SHARE_OF_START));
    const connections = wire.accepted;
    wire.begin({ kind: 'reset' });
    const resetAt = performance.now();
    await until('all have dialled again', () => wire.accepted >= connections + agents);
    await until('all are back after the cut', async () => (await mesh.readyAgents()) === agents);
    const afterCutMs = Math.round(performance.now() - resetAt);
    const killedAt = performance.now();
    await mesh.controlPlane.kill();
    await mesh.restartControlPlane();
    const startedAt = performance.now();
    const downMs = Math.round(startedAt - killedAt);
    const restartBoundMs = Math.max(boundMs, downMs) + (downMs > PATIENT_AFTER_MS ? DIAL_WAIT_MS_MAX : 0);
    await until('all are back after the restart', async () => (await mesh.readyAgents()) === agents);
    const afterRestartMs = Math.round(performance.now() - startedAt);
    const violations: string[] = [];
    if (afterCutMs > boundMs) violations.push(`after a cut the fleet was back in ${afterCutMs} ms`);
    if (afterRestartMs > restartBoundMs) violations.push(`after a restart the fleet was back in ${afterRestartMs} ms`);
    const figures = { agents, startMs, afterCutMs, boundMs, downMs, afterRestartMs, restartBoundMs };
    return { figures, violations };
  } finally {
    await Promise.all(fleet.map((child) => child.kill()));
    await wire[Symbol.asyncDispose]();
  }
}
