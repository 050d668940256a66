/**
 * More inputs for one agent than its stream may queue, over a real port: nothing is lost, nobody is called slow who is not, and what
 * is urgent does not wait behind them.
 */
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { afterEach, expect, test } from 'vitest';
import { Agent, type SessionPhase } from '../../../src/agent-sdk/index.ts';
import { Orchestrator, type RunHandle } from '../../../src/client/index.ts';
import { type Server, startServer } from '../../../src/control-plane/main.ts';
import { SessionRequestSchema } from '../../../src/gen/yardmaster/v1/session_request_pb.ts';
import { SessionResponseSchema } from '../../../src/gen/yardmaster/v1/session_response_pb.ts';
import { FaultProxy } from '../../chaos/proxy/fault-proxy.ts';
import { flow, map, step } from '../../unit/engine/flow.ts';
import { Dialer } from '../transport/dialer.ts';
import { eventually } from '../transport/rig.ts';

const SLOTS = 64;
const TEXT = 'x'.repeat(200 * 1024);
const LINK_BYTES_PER_SECOND = 4 * 1024 * 1024;

let server: Server;
let agent: Agent | undefined;

afterEach(async () => {
  await agent?.stop({ graceMs: 0 });
  agent = undefined;
  await server.stop();
});

/** A run with `SLOTS` steps that are ready together, each with all of TEXT. */
async function startBurst(): Promise<RunHandle> {
  const client = new Orchestrator({ url: server.url });
  const items = Array.from({ length: SLOTS }, (_, i) => i);
  const parameters = { text: '${{ steps.make.output }}', n: '${{ item }}' };
  await client.registerWorkflow(flow([step('make'), map('all', items, { id: 'take', action: 'take', parameters })]));
  return client.startWorkflow('Flow');
}

async function eventsOf(agentId: string): Promise<readonly string[]> {
  return (await server.controlPlane.getAgent('default', agentId)).events.map(({ kind }) => kind);
}

test('64 inputs of 200 KiB that are ready at once all arrive, once, on the one stream that the agent opened', async () => {
  server = await startServer({ port: 0, store: { kind: 'memory' } });
  const phases: string[] = [];
  const onStateChange = (phase: SessionPhase): void => void phases.push(phase.state);
  const taken: number[] = [];
  agent = new Agent({ id: 'worker', url: server.url, slots: SLOTS, inline: true, onStateChange })
    .handle('make', () => TEXT)
    .handle('take', (input: { readonly text: string; readonly n: number }) => {
      taken.push(input.n);
      return input.text.length;
    });
  await agent.start();
  const run = await startBurst();
  expect((await run.result()).status).toBe('COMPLETED');
  expect(taken.sort((a, b) => a - b)).toEqual(Array.from({ length: SLOTS }, (_, i) => i));
  expect(phases).toEqual(['CONNECTING', 'CONNECTED']);
  expect(await eventsOf('worker')).toEqual(['CONNECTED']);
});

type Frame = NonNullable<MessageInitShape<typeof SessionRequestSchema>['frame']>;

/** An instance that forgets: it accepts what it is sent and lists none of it when it comes back. */
function forgetful(dialer: Dialer) {
  const { call, status } = dialer.stream();
  const attempts: string[] = [];
  const say = (frame: Frame): void => {
    call.write(Buffer.from(toBinary(SessionRequestSchema, create(SessionRequestSchema, { frame }))));
  };
  call.on('data', (bytes: Buffer) => {
    const { frame } = fromBinary(SessionResponseSchema, bytes);
    for (const { attemptId } of frame.case === 'dispatch' ? frame.value.assignments : []) {
      attempts.push(attemptId);
      say({ case: 'report', value: { updates: [{ attemptId, update: { case: 'accepted', value: {} } }] } });
    }
  });
  const capabilities = [{ name: 'take' }];
  const state = { revision: 1, slots: SLOTS, capabilities };
  say({ case: 'hello', value: { agentId: 'raw', instanceId: 'raw-1', protocolVersion: 1, state } });
  return { call, status, attempts };
}

test('what an instance holds and does not list is sent again, however much it is, and every piece once', async () => {
  server = await startServer({ port: 0, store: { kind: 'memory' } });
  agent = new Agent({ id: 'maker', url: server.url, slots: 1, inline: true }).handle('make', () => TEXT);
  await agent.start();
  const dialer = new Dialer(server.port);
  const first = forgetful(dialer);
  await startBurst();
  await eventually(() => first.attempts.length === SLOTS);
  first.call.cancel();
  await first.status;
  const again = forgetful(dialer);
  await eventually(() => again.attempts.length === SLOTS);
  expect(again.attempts.toSorted()).toEqual(first.attempts.toSorted());
  expect(await eventsOf('raw')).toEqual(expect.not.arrayContaining(['BEHIND']));
  expect((await server.controlPlane.getAgent('default', 'raw')).instances).toMatchObject([{ status: 'READY' }]);
  dialer.hangUp();
});

test('on a link of 4 MiB a second a stop passes the burst that is waiting, and not behind all of it', async () => {
  server = await startServer({ port: 0, store: { kind: 'memory' } });
  await using proxy = await FaultProxy.listen({ target: { port: server.port } });
  let started = 0;
  let startedAtStop = -1;
  agent = new Agent({ id: 'far', url: proxy.url, slots: SLOTS, inline: true })
    .handle('make', () => TEXT)
    .handle('take', () => {
      started += 1;
    })
    .handle('hold', async (_input, context) => {
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
      startedAtStop = started;
    });
  await agent.start();
  const client = new Orchestrator({ url: server.url });
  await client.registerWorkflow(flow([step('hold')], { name: 'Hold' }));
  const held = await client.startWorkflow('Hold');
  proxy.begin({ kind: 'throttle', bytesPerSecond: LINK_BYTES_PER_SECOND, direction: 'down' });
  const run = await startBurst();
  await eventually(() => started > 0);
  const before = started;
  await client.cancelRun(held.id, 'now');
  expect((await run.result()).status).toBe('COMPLETED');
  // 1 MiB may wait in our queue and 1 MiB in the window of the stream: with their neighbours, some 14 of the 64.
  expect(startedAtStop - before).toBeGreaterThanOrEqual(0);
  expect(startedAtStop - before).toBeLessThan(SLOTS / 2);
});
