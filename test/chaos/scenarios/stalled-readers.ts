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
    new HandAgent(call, { agentId: `stalled-${i}`, capabilities: [{ name: 'swallow' }], slots: RUNS });
    call.pause();
    return status;
  });
  const streams = (): Promise<number> => mesh.metric('yardmaster_streams');
  await until('the readers have come', async () => (await streams()) === READERS + 1);
  // For what they do not read, or for what they do not accept: whichever is noticed first.
  await until('the streams of the readers were ended', async () => (await streams()) === 1);
  await client.cancelRuns({ workflow: 'Swallow' });
  await beside.stop();
  dialer.hangUp();
  await Promise.all(readers);
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
    overflows: await mesh.metric('yardmaster_stream_overflows_total'),
  };
  return { figures, violations };
}
