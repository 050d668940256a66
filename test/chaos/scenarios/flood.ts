/** Agents that write as fast as they can: lines of logs to watchers that do not read, and results of runs that nobody has. */
import { createUlid } from '../../../src/core/ids.ts';
import { systemRandom } from '../../../src/core/random.ts';
import { RunService } from '../../../src/gen/yardmaster/v1/run_service_pb.ts';
import { Dialer } from '../../integration/transport/dialer.ts';
import { HandAgent } from '../../integration/transport/mesh.ts';
import { ChaosMesh } from '../world/mesh.ts';
import { Beside, bytesOf, MIB } from './beside.ts';
import { PRODUCT_TIMES, type ScenarioReport, until } from './scenario.ts';

export interface FloodOptions {
  readonly seconds: number;
}

const FLOODERS = 3;
const LINES = 100;
const LINE_CHARS = 4_000;
const RESULTS = 2_000;
const BOUND_BYTES = 120 * MIB;
const LEFT_BYTES_MAX = 40 * MIB;
const SLOWEST_MS = 20_000;

export async function flood({ seconds }: FloodOptions): Promise<ScenarioReport> {
  await using mesh = await ChaosMesh.start({ agents: 1, settings: PRODUCT_TIMES });
  await mesh.client.registerWorkflow({ name: 'Flood', steps: [{ id: 'flood', action: 'flood' }] });
  const beside = await Beside.start(mesh);
  await until('the run beside has a pace', () => beside.tookMs.length >= 10);
  const before = await bytesOf(mesh);
  const dialer = new Dialer(mesh.port);
  const sent = await Promise.all(Array.from({ length: FLOODERS }, (_, i) => floodOnce(mesh, dialer, i, seconds)));
  await beside.stop();
  const peakBytes = beside.peakBytes - before;
  dialer.hangUp();
  await mesh.client.cancelRuns({ workflow: 'Flood' });
  await until('only the agent beside has a stream', async () => (await mesh.metric('yardmaster_streams')) === 1);
  let leftBytes = 0;
  await until('memory is as before', async () => {
    leftBytes = (await bytesOf(mesh)) - before;
    return leftBytes < LEFT_BYTES_MAX;
  }).catch(() => {});
  const violations: string[] = [];
  if (peakBytes > BOUND_BYTES) violations.push(`${FLOODERS} flooders cost ${peakBytes} bytes`);
  if (leftBytes >= LEFT_BYTES_MAX) violations.push(`${leftBytes} bytes are left of them`);
  if (beside.slowestMs > SLOWEST_MS) violations.push(`a run beside took ${beside.slowestMs} ms`);
  const sentBytes = sent.reduce((sum, bytes) => sum + bytes, 0);
  const figures = {
    flooders: FLOODERS,
    sentBytes,
    peakBytes,
    boundBytes: BOUND_BYTES,
    leftBytes,
    runsBeside: beside.tookMs.length,
    slowestMs: beside.slowestMs,
  };
  return { figures, violations };
}

/** Answers how many bytes it got rid of. */
async function floodOnce(mesh: ChaosMesh, dialer: Dialer, index: number, seconds: number): Promise<number> {
  const { call } = dialer.stream();
  const agent = new HandAgent(call, { agentId: `flood-${index}`, capabilities: [{ name: 'flood' }], slots: 1 });
  const { id } = await mesh.client.startWorkflow('Flood');
  const { attemptId } = await agent.assignment(1);
  agent.report({ updates: [{ attemptId, update: { case: 'accepted', value: {} } }] });
  // Asked for and never read.
  dialer
    .serverStream(RunService.method.watchRun, { runId: id, live: true })
    .on('error', () => {})
    .pause();
  const text = 'x'.repeat(LINE_CHARS);
  const fields = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`field-${i}`, 'y'.repeat(1_000)]));
  const until = performance.now() + seconds * 1_000;
  let sentBytes = 0;
  for (let round = 0; performance.now() < until && call.writable; round++) {
    if (round % 2 === 0) {
      const line = { case: 'log', value: { message: text, fields } } as const;
      agent.report({ updates: Array.from({ length: LINES }, () => ({ attemptId, update: line })) });
      sentBytes += LINES * (LINE_CHARS + 32_000);
    } else {
      const results = Array.from({ length: RESULTS }, () => ({
        attemptId: `${createUlid(Date.now(), systemRandom)}/a#1`,
        result: { case: 'cancelled', value: {} } as const,
      }));
      agent.report({ results });
      sentBytes += RESULTS * 40;
    }
    // As far as the control plane lets it.
    await new Promise((resolve) => (call.writableNeedDrain ? call.once('drain', resolve) : setImmediate(resolve)));
  }
  return sentBytes;
}
