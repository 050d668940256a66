/** Agents that take work and never read: their queues are bounded, they are cut off, and nobody else notices. */
import { Dialer } from '../../integration/transport/dialer.ts';
import { HandAgent } from '../../integration/transport/mesh.ts';
import { ChaosMesh } from '../world/mesh.ts';
import { Beside, bytesOf, MIB } from './beside.ts';
import { PRODUCT_TIMES, type ScenarioReport, until } from './scenario.ts';

const READERS = 2;
const RUNS = 120;
const INPUT_CHARS = 200_000;
/** Per stream: what may be queued, the message that goes beyond it, and as much again on its way through HTTP/2. */
const STREAM_BYTES_MAX = 12 * MIB;
const SLACK_BYTES = 40 * MIB;
const SLOWEST_MS = 10_000;
const BEAT_MS = 1_000;

export async function stalledReaders(): Promise<ScenarioReport> {
  await using mesh = await ChaosMesh.start({ agents: 1, settings: PRODUCT_TIMES });
  const { client } = mesh;
  const steps = [{ id: 'swallow', action: 'swallow', parameters: '${{ params }}', queueTimeout: '10m' }];
  await client.registerWorkflow({ name: 'Swallow', steps });
  await using beside = await Beside.start(mesh);
  await until('the run beside has a pace', () => beside.tookMs.length >= 10);
  const before = await bytesOf(mesh);
  // They wait for whoever offers it, so that an agent that comes gets all that fits its slots in one moment.
  const params = { text: 'x'.repeat(INPUT_CHARS) };
  for (let i = 0; i < RUNS; i++) await client.startWorkflow('Swallow', params);
  const dialer = new Dialer(mesh.port);
  const readers = Array.from({ length: READERS }, (_, i) => {
    const { call, status } = dialer.stream();
    const agent = new HandAgent(call, { agentId: `stalled-${i}`, capabilities: [{ name: 'swallow' }], slots: RUNS });
    call.pause();
    return { agent, status };
  });
  // So that what they do not read is noticed, and not that they say nothing.
  const beating = setInterval(() => {
    for (const { agent } of readers) agent.send({ case: 'beat', value: { number: 1 } });
  }, BEAT_MS).unref();
  const streams = (): Promise<number> => mesh.metric('yardmaster_streams');
  await until('the readers have come', async () => (await streams()) === READERS + 1);
  await until('a queue was full', async () => (await mesh.metric('yardmaster_stream_overflows_total')) >= 1);
  await until('the streams of the readers were ended', async () => (await streams()) === 1);
  clearInterval(beating);
  await client.cancelRuns({ workflow: 'Swallow' });
  await beside.stop();
  dialer.hangUp();
  await Promise.all(readers.map(({ status }) => status));
  const after = await bytesOf(mesh);
  const peakBytes = beside.peakBytes - before;
  const boundBytes = READERS * STREAM_BYTES_MAX + SLACK_BYTES;
  const violations: string[] = [];
  if (peakBytes > boundBytes) violations.push(`${READERS} readers cost ${peakBytes} bytes`);
  if (after - before > SLACK_BYTES) violations.push(`${after - before} bytes are left of them`);
  if (beside.slowestMs > SLOWEST_MS) violations.push(`a run beside took ${beside.slowestMs} ms`);
  const figures = {
    readers: READERS,
    peakBytes,
    boundBytes,
    leftBytes: after - before,
    runsBeside: beside.tookMs.length,
    slowestMs: beside.slowestMs,
  };
  return { figures, violations };
}
