/** The SDK over a real socket: worker thread and inline. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Agent, capability, type SessionPhase } from '../../src/agent-sdk/index.ts';
import { decodeValue, encodeValue } from '../../src/core/value.ts';
import type { AttemptResult } from '../../src/gen/opaque/session_pb.ts';
import { StopReason } from '../../src/gen/yardmaster/v1/dispatch_pb.ts';
import { FakeControlPlane } from './fake-control-plane.ts';

const RUN = '01k0000000000000000000000a';
const double = capability('double', { input: z.object({ n: z.number() }), output: z.object({ n: z.number() }) });

let server: FakeControlPlane;
let agent: Agent | undefined;

beforeEach(async () => {
  server = await new FakeControlPlane().listen();
  agent = undefined;
});

afterEach(async () => {
  await agent?.stop({ graceMs: 0 });
  server.kill();
});

const assignment = (name: string, action: string, input: unknown) => ({
  attemptId: `${RUN}/${name}#1`,
  runId: RUN,
  capability: action,
  number: 1,
  tryNumber: 1,
  input: { kind: { case: 'value' as const, value: encodeValue(input) } },
});

const outputOf = (result: AttemptResult | undefined): unknown => {
  const payload = result?.result.case === 'completed' ? result.result.value.output?.kind : undefined;
  return payload?.case === 'value' ? decodeValue(payload.value) : payload;
};

describe.each([false, true])('inline: %s', (inline) => {
  test('connects, runs work, and leaves with a Goodbye', async () => {
    agent = new Agent({ id: 'worker', url: server.url, slots: 2, inline }).handle(double, ({ n }) => ({ n: n * 2 }));
    await agent.start();
    server.send({ case: 'dispatch', value: { assignments: [assignment('a', 'double', { n: 21 })] } });
    await server.when(() => server.results.length === 1);
    expect(outputOf(server.results[0])).toEqual({ n: 42 });
    await agent.stop();
    expect(server.frames.at(-1)).toMatchObject({ case: 'goodbye', value: { reason: 'stop' } });
  });

  test('moves large values through BlobService, in parts of 64 KiB', async () => {
    const text = 'x'.repeat(300_000);
    const stored = server.store(Buffer.from(encodeValue({ text })));
    agent = new Agent({ id: 'worker', url: server.url, inline });
    agent.handle<{ text: string }>('echo', (input) => ({ twice: input.text + input.text }));
    await agent.start();
    const input = { kind: { case: 'blob' as const, value: stored } };
    server.send({ case: 'dispatch', value: { assignments: [{ ...assignment('a', 'echo', {}), input }] } });
    await server.when(() => server.results.length === 1);
    const payload = outputOf(server.results[0]);
    expect(payload).toMatchObject({ case: 'blob', value: { blobId: 'b1' } });
    expect(decodeValue(server.blobs.get('b1') ?? new Uint8Array(0))).toEqual({ twice: text + text });
    expect(Math.max(...server.parts)).toBe(65_536);
  });

  test('goes on after a crash of the control plane, and sends again what was not acknowledged', async () => {
    server.acksResults = false;
    const started = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    const phases: string[] = [];
    const onStateChange = (phase: SessionPhase): void => void phases.push(phase.state);
    agent = new Agent({ id: 'worker', url: server.url, slots: 2, inline, onStateChange });
    agent.handle(double, ({ n }) => ({ n: n * 2 }));
    agent.handle('slow', async () => {
      started.resolve();
      await finish.promise;
      return 'done';
    });
    await agent.start();
    const assignments = [assignment('a', 'double', { n: 1 }), assignment('b', 'slow', {})];
    server.send({ case: 'dispatch', value: { assignments } });
    await server.when(() => server.results.length === 1);
    await started.promise;
    const { port } = server;
    server.kill();
    server = await new FakeControlPlane().listen(port);
    await server.when(() => server.results.length === 1);
    const hello = server.frames[0];
    expect(hello?.case === 'hello' && hello.value.held.map((h) => `${h.attemptId} ${h.finished}`)).toEqual([
      `${RUN}/a#1 true`,
      `${RUN}/b#1 false`,
    ]);
    finish.resolve();
    await server.when(() => server.results.length === 2);
    expect(outputOf(server.results[1])).toBe('done');
    expect(phases.slice(0, 4)).toEqual(['CONNECTING', 'CONNECTED', 'WAITING', 'CONNECTING']);
  });
});

test('a handler that blocks its thread does not stop the beats of its agent', async () => {
  agent = new Agent({ id: 'worker', url: server.url });
  // The server lives in this thread, too: beats pile up in the socket and are read after the block.
  agent.handle('block', () => {
    const until = performance.now() + 1_500;
    while (performance.now() < until);
    return null;
  });
  await agent.start();
  server.send({ case: 'dispatch', value: { assignments: [assignment('a', 'block', {})] } });
  await server.when(() => server.results.length === 1);
  const beats = server.frames.slice(
    0,
    server.frames.findIndex((f) => f.case === 'report' && f.value.results.length > 0),
  );
  expect(beats.filter((frame) => frame.case === 'beat').length).toBeGreaterThanOrEqual(4);
});

test('a process that gets SIGTERM finishes its work, says Goodbye and ends with code 0', async () => {
  const file = fileURLToPath(new URL('./agent-process.ts', import.meta.url));
  const child = spawn(process.execPath, [file, server.url], { stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = once(child, 'exit');
  await server.when(() => server.count('hello') === 1);
  server.send({ case: 'dispatch', value: { assignments: [assignment('a', 'wait', {})] } });
  await server.when(() => server.updates.length === 1);
  child.kill('SIGTERM');
  await server.when(() => server.frames.some((frame) => frame.case === 'state' && frame.value.draining));
  const stops = [{ attemptId: `${RUN}/a#1`, reason: StopReason.CANCELLED, graceMs: 0 }];
  server.send({ case: 'dispatch', value: { stops } });
  expect(await exited).toEqual([0, null]);
  expect(server.results[0]?.result.case).toBe('cancelled');
  expect(server.frames.at(-1)).toMatchObject({ case: 'goodbye', value: { reason: 'SIGTERM' } });
});

test('start() rejects with the last answer when nobody listens', async () => {
  const port = await new Promise<number>((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
  const lonely = new Agent({ id: 'worker', url: `http://127.0.0.1:${port}`, inline: true }).handle('x', () => null);
  const error = await lonely.start({ timeoutMs: 2_000 }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'NOT_CONNECTED', message: expect.stringContaining('UNAVAILABLE') });
  expect(await lonely.ended).toBe('never connected');
});
