/**
 * kill -9 of the agent that holds an idempotent step, to the receipt of the new assignment by the other agent. Both times
 * are read from the monotonic clock that the processes of a machine share.
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
/** At most one kill in this time. */
const ROUND_MS = 1_000;

type Holder = BenchProcess<{ pid: number }>;

export async function measureFailover(kills: number, onRound: (done: number) => void): Promise<FailoverFigures> {
  const mesh = await startMesh();
  const startHolder = (): Promise<Holder> => startAgent('held-agent.ts', [mesh.url]);
  let holders: readonly [Holder, Holder] = [await startHolder(), await startHolder()];
  const times: number[] = [];
  try {
    await mesh.client.registerWorkflow(workflow);
    for (let round = 0; round < kills; round++) {
      const roundEndsAt = performance.now() + ROUND_MS;
      const receipts = holders.map((holder) => nextReceipt(holder));
      const run = await mesh.client.startWorkflow('Hold');
      const first = await Promise.race(receipts.map((receipt, i) => receipt.then(() => i)));
      const [victim, other] = first === 0 ? holders : [holders[1], holders[0]];
      const otherReceipt = receipts[1 - first];
      await pause(50);
      const killedNs = process.hrtime.bigint();
      process.kill(victim.pid, 'SIGKILL');
      const receivedNs = (await otherReceipt) ?? killedNs;
      times.push(Number(receivedNs - killedNs) / 1e6);
      other.tell('letGo');
      const result = await run.result();
      if (result.status !== 'COMPLETED') throw new Error(`round ${round} ended ${result.status}`);
      holders = [other, await startHolder()];
      onRound(round + 1);
      await pause(roundEndsAt - performance.now());
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
