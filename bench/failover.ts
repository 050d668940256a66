/**
 * kill -9 of the agent that holds an idempotent step, to the receipt of the new assignment by the other agent. Both times
 * are read from the monotonic clock that the processes of a machine share.
 *
 * Kills are a second and more apart, because what is measured is the reroute at once. Of instances that are lost within one second
 * the control plane believes three, or a tenth of the fleet, to be dead (docs/protocol.md, "Many at once"); the work of the others
 * waits for the loss window, 30 s, as it should when a network is cut. A fleet of two that is killed faster would measure that. A
 * reroute that takes a good part of the window is no figure, then, but an error of this measurement, and ends it.
 */
import { startAgent, startMesh } from './mesh.ts';
import { percentile } from './percentile.ts';
import type { BenchProcess } from './start-process.ts';

export interface FailoverFigures {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly n: number;
}

const workflow = { name: 'Hold', steps: [{ id: 'hold', action: 'hold' }] };
/** From one kill to the next at least, however long the rest of a round takes. */
const APART_MS = 1_100;
/** Far more than a reroute at once takes on any machine, and far less than the loss window. */
const AT_ONCE_MS = 10_000;
/** For the acceptance: what is killed must be at work. */
const ACCEPTED_MS = 50;

type Holder = BenchProcess<{ pid: number }>;

export async function measureFailover(kills: number, onRound: (done: number) => void): Promise<FailoverFigures> {
  const mesh = await startMesh();
  const startHolder = (): Promise<Holder> => startAgent('held-agent.ts', [mesh.url]);
  let holders: readonly [Holder, Holder] = [await startHolder(), await startHolder()];
  const times: number[] = [];
  let mayKillAt = 0;
  try {
    await mesh.client.registerWorkflow(workflow);
    for (let round = 0; round < kills; round++) {
      const receipts = holders.map((holder) => nextReceipt(holder));
      const run = await mesh.client.startWorkflow('Hold');
      const first = await Promise.race(receipts.map((receipt, i) => receipt.then(() => i)));
      const [victim, other] = first === 0 ? holders : [holders[1], holders[0]];
      const otherReceipt = receipts[1 - first];
      await pause(Math.max(ACCEPTED_MS, mayKillAt - performance.now()));
      mayKillAt = performance.now() + APART_MS;
      const killedNs = process.hrtime.bigint();
      process.kill(victim.pid, 'SIGKILL');
      const receivedNs = (await otherReceipt) ?? killedNs;
      const tookMs = Number(receivedNs - killedNs) / 1e6;
      if (tookMs > AT_ONCE_MS) throw new Error(`kill ${round + 1} was not answered at once, but after ${tookMs} ms`);
      times.push(tookMs);
      other.tell('letGo');
      const result = await run.result();
      if (result.status !== 'COMPLETED') throw new Error(`round ${round} ended ${result.status}`);
      holders = [other, await startHolder()];
      onRound(round + 1);
    }
  } finally {
    for (const holder of holders) holder.stop();
    await mesh.close();
  }
  return {
    p50Ms: percentile(times, 0.5),
    p95Ms: percentile(times, 0.95),
    p99Ms: percentile(times, 0.99),
    maxMs: Math.max(...times),
    n: times.length,
  };
}

function nextReceipt(holder: Holder): Promise<bigint> {
  return new Promise((resolve) => {
    holder.onMessage((message) => {
      if (typeof message === 'object' && message !== null && 'receivedNs' in message)
        resolve(BigInt(String(message.receivedNs)));
    });
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, Math.max(0, ms));
  });
}
