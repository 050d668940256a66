/** Agents that write as fast as they can: lines of logs to watchers that do not read, and results of runs that nobody has. */
import { createUlid } from '../../../src/core/ids.ts';
import { systemRandom } from '../../../src/core/random.ts';
import { RunService } from '../../../src/gen/yardmaster/v1/run_service_pb.ts';
import { Dialer } from '../../integration/transport/dialer.ts';
import { HandAgent } from '../../integration/transport/mesh.ts';
import { ChaosMesh } from '../world/mesh.ts';
import { Beside, bytesOf, MIB } from './beside.ts';
import { PRODUCT_TIMES, pause, type ScenarioReport, until } from './scenario.ts';

export interface FloodOptions {
  readonly seconds: number;
}

const FLOODERS = 3;
const LINES = 100;
const TEXT = 'x'.repeat(4_000);
const FIELDS = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`field-${i}`, 'y'.repeat(1_000)]));
const LINE_CHARS = 36_000;
const RESULTS = 2_000;
const BOUND_BYTES = 120 * MIB;
const LEFT_BYTES_MAX = 40 * MIB;
const SLOWEST_MS = 20_000;

export async function flood({ seconds }: FloodOptions): Promise<ScenarioReport> {
  await using mesh = await ChaosMesh.start({ agents: 1, settings: PRODUCT_TIMES });
  await mesh.client.registerWorkflow({ name: 'Flood', steps: [{ id: 'flood', action: 'flood' }] });
  await using beside = await Beside.start(mesh);
  await until('the run beside has a pace', () => beside.tookMs.length >= 10);
  const before = await bytesOf(mesh);
  const dialer = new Dialer(mesh.port);
  const sent = await Promise.all(
    Array.from({ length: FLOODERS }, (_, i) => floodFor(mesh, dialer, `flood-${i}`, seconds)),
  );
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
  const figures = {
    flooders: FLOODERS,
    sentBytes: sent.reduce((sum, { sentBytes }) => sum + sentBytes, 0),
    readOnMs: Math.max(...sent.map(({ readOnMs }) => readOnMs)),
    streamsEnded: sent.flatMap(({ endedWith }) => endedWith).length,
    peakBytes,
    boundBytes: BOUND_BYTES,
    leftBytes,
    runsBeside: beside.tookMs.length,
    slowestMs: beside.slowestMs,
  };
  return { figures, violations };
}

interface Flooded {
  readonly sentBytes: number;
  /** Streams that the control plane ended, by gRPC status. */
  readonly endedWith: readonly number[];
  /** From its last frame to the answer: what it wrote before had to be read. */
  readonly readOnMs: number;
}

/** Writes until its time is over; who is sent away comes again, as somebody else. */
async function floodFor(mesh: ChaosMesh, dialer: Dialer, name: string, seconds: number): Promise<Flooded> {
  const endsAt = performance.now() + seconds * 1_000;
  let sentBytes = 0;
  const endedWith: number[] = [];
  for (let i = 0; performance.now() < endsAt; i++) {
    const { call, status } = dialer.stream();
    let isOver = false;
    let isLeaving = false;
    const ended = status.then(({ code }) => {
      isOver = true;
      if (!isLeaving) endedWith.push(code);
    });
    const agent = new HandAgent(call, { agentId: `${name}-${i}`, capabilities: [{ name: 'flood' }], slots: 1 });
    const { id } = await mesh.client.startWorkflow('Flood');
    const { attemptId } = await agent.assignment(1);
    agent.report({ updates: [{ attemptId, update: { case: 'accepted', value: {} } }] });
    // Asked for and never read.
    dialer
      .serverStream(RunService.method.watchRun, { runId: id, live: true })
      .on('error', () => {})
      .pause();
    for (let round = 0; performance.now() < endsAt && !isOver; round++) {
      sentBytes += round % 2 === 0 ? writeLines(agent, attemptId) : writeResults(agent);
      // As far as the control plane lets it; one that ends the stream does not say that it can take more.
      const drained = new Promise((resolve) =>
        call.writableNeedDrain ? call.once('drain', resolve) : setImmediate(resolve),
      );
      await Promise.race([drained, ended, pause(endsAt - performance.now())]);
    }
    if (isOver) continue;
    agent.send({ case: 'beat', value: { number: 1 } });
    await until('the last word of a flooder is answered, or its stream ended', () => isOver || hasAnswered(agent));
    isLeaving = true;
    call.cancel();
  }
  const readOnMs = Math.round(performance.now() - endsAt);
  return { sentBytes, endedWith, readOnMs };
}

function hasAnswered({ frames }: HandAgent): boolean {
  return frames.some((frame) => frame.case === 'dispatch' && (frame.value.acks?.beat ?? 0) > 0);
}

function writeLines(agent: HandAgent, attemptId: string): number {
  const line = { case: 'log', value: { message: TEXT, fields: FIELDS } } as const;
  agent.report({ updates: Array.from({ length: LINES }, () => ({ attemptId, update: line })) });
  return LINES * LINE_CHARS;
}

function writeResults(agent: HandAgent): number {
  const results = Array.from({ length: RESULTS }, () => ({
    attemptId: `${createUlid(Date.now(), systemRandom)}/a#1`,
    result: { case: 'cancelled', value: {} } as const,
  }));
  agent.report({ results });
  return RESULTS * 40;
}
