import { connect } from 'node:http2';
import { createConnection } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { compressionAlgorithms, status as Status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import type { DispatchFrame } from '../../../src/control-plane/registry/frames.ts';
import { SESSION_PATH } from '../../../src/control-plane/transport/session-call.ts';
import { limits, times } from '../../../src/core/limits.ts';
import { encodeValue } from '../../../src/core/value.ts';
import { SessionRequestSchema as OpaqueRequestSchema } from '../../../src/gen/opaque/session_pb.ts';
import { SessionRequestSchema } from '../../../src/gen/yardmaster/v1/session_request_pb.ts';
import { type SessionResponse, SessionResponseSchema } from '../../../src/gen/yardmaster/v1/session_response_pb.ts';
import { deepValue } from './deep-value.ts';
import { eventually, HandClock, Rig, reasonOf } from './rig.ts';

type Frame = MessageInitShape<typeof SessionRequestSchema>['frame'];

function frameBytes(frame: NonNullable<Frame>): Buffer {
  return Buffer.from(toBinary(SessionRequestSchema, create(SessionRequestSchema, { frame })));
}

function readResponse(bytes: Buffer): SessionResponse['frame'] {
  return fromBinary(SessionResponseSchema, bytes).frame;
}

const HELLO = frameBytes({
  case: 'hello',
  value: {
    agentId: 'loader',
    instanceId: 'i-1',
    protocolVersion: 1,
    state: { revision: 1, slots: 4, capabilities: [{ name: 'load' }] },
  },
});

const EMPTY: DispatchFrame = {
  type: 'dispatch',
  assignments: [],
  stops: [],
  beat: 0,
  results: [],
  stateRevision: 0,
  chunks: [],
};

describe('the agent stream', () => {
  it('ends when the other end closes its side of the connection, long before a ping would notice', async () => {
    await using rig = await Rig.start();
    // What a killed process leaves behind is a FIN and nothing else: no GOAWAY, no reset of the stream.
    const socket = createConnection(rig.port, '127.0.0.1');
    const session = connect(rig.url, { createConnection: () => socket });
    session.on('error', () => {});
    const stream = session.request({
      ':method': 'POST',
      ':path': SESSION_PATH,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.on('error', () => {}).resume();
    await eventually(() => rig.plane.sessions.length === 1);
    socket.end();
    const ended = eventually(() => rig.plane.sessions[0]?.endedCount === 1).then(() => 'ended');
    // The first ping of the server goes out after 20 s.
    expect(await Promise.race([ended, pause(10_000, 'still open')])).toBe('ended');
    session.destroy();
  });

  it('carries frames both ways', async () => {
    await using rig = await Rig.start();
    const { call, session } = await rig.session();
    call.write(HELLO);
    await eventually(() => session.frames.length === 1);
    expect(session.frames[0]).toMatchObject({
      type: 'hello',
      agentId: 'loader',
      state: { slots: 4, capabilities: [{ name: 'load', version: '' }] },
    });

    const answers: SessionResponse['frame'][] = [];
    call.on('data', (bytes: Buffer) => answers.push(readResponse(bytes)));
    session.peer.send({
      type: 'welcome',
      node: 'n-1',
      protocolVersion: 1,
      beatIntervalMs: 5_000,
      silenceLimitMs: 15_000,
      lossWindowMs: 30_000,
      acceptDeadlineMs: 5_000,
      serverTime: 1_700_000_000_123,
    });
    session.peer.send({ ...EMPTY, beat: 7, results: [{ attemptId: 'a#1', verdict: 'ACCEPTED' }] });
    await eventually(() => answers.length === 2);
    expect(answers[0]).toMatchObject({
      case: 'welcome',
      value: { node: 'n-1', lossWindow: { seconds: 30n }, limits: { valueDepthMax: 32 } },
    });
    expect(answers[1]).toMatchObject({
      case: 'dispatch',
      value: { acks: { beat: 7, results: [{ attemptId: 'a#1', verdict: 1 }] } },
    });
  });

  it('reads frames of an agent whose library packs them', async () => {
    await using rig = await Rig.start();
    const same = (bytes: Buffer): Buffer => bytes;
    const client = rig.client({ 'grpc.default_compression_algorithm': compressionAlgorithms.gzip });
    const call = client.makeBidiStreamRequest(SESSION_PATH, same, same);
    call.on('error', () => {}).resume();
    call.write(HELLO);
    await eventually(() => rig.plane.sessions[0]?.frames.length === 1);
    expect(rig.plane.sessions[0]?.frames[0]).toMatchObject({ type: 'hello', agentId: 'loader' });
    call.cancel();
  });

  it('sends its headers before any frame', async () => {
    await using rig = await Rig.start();
    const { call } = await rig.session();
    await new Promise((resolve) => call.once('metadata', resolve));
  });

  it('ends with OK after a half-close, and tells the end once', async () => {
    await using rig = await Rig.start();
    const { call, session, status } = await rig.session();
    call.resume();
    call.write(HELLO);
    call.end();
    expect(await status).toMatchObject({ code: Status.OK, details: '' });
    await eventually(() => session.endedCount > 0);
    expect(session.endedCount).toBe(1);
  });

  it('tells the end once when the agent is gone', async () => {
    await using rig = await Rig.start();
    const { call, session } = await rig.session();
    call.write(HELLO);
    await eventually(() => session.frames.length === 1);
    call.cancel();
    await eventually(() => session.endedCount > 0);
    expect(session.endedCount).toBe(1);
  });

  it.each(['FIN', 'RST'])('sees at once that the process of an agent died (%s)', async (how) => {
    await using rig = await Rig.start();
    const socket = createConnection(rig.port, '127.0.0.1');
    const http2 = connect(`http://127.0.0.1:${rig.port}`, { createConnection: () => socket });
    http2.on('error', () => {});
    const headers = { ':method': 'POST', ':path': SESSION_PATH, 'content-type': 'application/grpc', te: 'trailers' };
    http2.request(headers).on('error', () => {});
    await eventually(() => rig.plane.sessions.length === 1);
    const died = performance.now();
    if (how === 'RST') socket.resetAndDestroy();
    else socket.destroy();
    await eventually(() => rig.plane.sessions[0]?.endedCount === 1);
    // A ping would take 15 s to find out.
    expect(performance.now() - died).toBeLessThan(5_000);
  });

  it('refuses bytes that are no frame with INVALID_ARGUMENT', async () => {
    await using rig = await Rig.start();
    const { call, session, status } = await rig.session();
    call.resume();
    call.write(Buffer.from([0x0a, 0xff, 0xff, 0xff]));
    const ended = await status;
    expect(ended.code).toBe(Status.INVALID_ARGUMENT);
    expect(reasonOf(ended)).toBe('MALFORMED_FRAME');
    expect(session.frames).toEqual([]);
    expect(session.endedCount).toBe(1);
  });

  it('names the field of a frame that is wrong', async () => {
    await using rig = await Rig.start();
    const { call, status } = await rig.session();
    call.resume();
    call.write(
      frameBytes({
        case: 'hello',
        value: { agentId: 'no spaces please', instanceId: 'i-1', state: { revision: 1, slots: 99_999 } },
      }),
    );
    expect((await status).details).toContain('"hello.agent_id"');
  });

  it('refuses an empty frame and ignores one of an unknown kind', async () => {
    await using rig = await Rig.start();
    const { call, session, status } = await rig.session();
    call.resume();
    // Field 99, length-delimited, empty: a frame from the future.
    call.write(Buffer.from([0x9a, 0x06, 0x00]));
    call.write(HELLO);
    await eventually(() => session.frames.length === 1);
    call.write(Buffer.alloc(0));
    expect((await status).code).toBe(Status.INVALID_ARGUMENT);
  });

  it('ends with RESOURCE_EXHAUSTED for a frame over 4 MiB', async () => {
    await using rig = await Rig.start();
    const { call, status, session } = await rig.session();
    call.resume();
    call.write(Buffer.alloc(limits.frameBytesMax + 1));
    expect((await status).code).toBe(Status.RESOURCE_EXHAUSTED);
    await eventually(() => session.endedCount === 1);
  });

  it('turns an output nested 100 deep into a failure of that attempt alone', async () => {
    await using rig = await Rig.start();
    const { call, session } = await rig.session();
    call.resume();
    call.write(HELLO);
    call.write(resultWith(deepValue(100)));
    call.write(resultWith(encodeValue({ ok: true })));
    await eventually(() => session.frames.length === 3);
    expect(session.frames[1]).toMatchObject({
      results: [{ result: { kind: 'failed', code: 'INVALID_OUTPUT', retryable: false } }],
    });
    expect(session.frames[2]).toMatchObject({ results: [{ result: { kind: 'completed' } }] });
  });

  it('refuses a checkpoint nested 100 deep with INVALID_ARGUMENT', async () => {
    await using rig = await Rig.start();
    const { call, status } = await rig.session();
    call.resume();
    const value = deepValue(100);
    const updates = [{ attemptId: 'a#1', update: { case: 'checkpoint', value: { value } } } as const];
    call.write(opaqueReport({ updates }));
    expect((await status).details).toContain('report.updates[0].checkpoint.value');
  });

  it('ends a stream that says no Hello in time', async () => {
    const clock = new HandClock();
    await using rig = await Rig.start([], { clock });
    const { call, status } = await rig.session();
    call.resume();
    clock.advance(times.helloMs);
    const ended = await status;
    expect(ended.code).toBe(Status.FAILED_PRECONDITION);
    expect(reasonOf(ended)).toBe('NO_HELLO');
    // The connection is given up only when the other side does not read.
    clock.advance(60_000);
  });

  it('keeps a stream that said Hello in time', async () => {
    const clock = new HandClock();
    await using rig = await Rig.start([], { clock });
    const { call, session } = await rig.session();
    call.write(HELLO);
    await eventually(() => session.frames.length === 1);
    clock.advance(times.helloMs * 10);
    call.write(frameBytes({ case: 'beat', value: { number: 1 } }));
    await eventually(() => session.frames.length === 2);
    expect(session.endedCount).toBe(0);
    clock.advance(60_000);
    call.cancel();
  });

  it('cuts a dispatch that is too large for one message', async () => {
    await using rig = await Rig.start();
    const { call, session } = await rig.session();
    const answers: SessionResponse['frame'][] = [];
    call.on('data', (bytes: Buffer) => answers.push(readResponse(bytes)));
    const input = { kind: 'inline', bytes: encodeValue('x'.repeat(200_000)) } as const;
    const assignments = Array.from({ length: 12 }, (_, i) => ({ ...ASSIGNMENT, attemptId: `a#${i + 1}`, input }));
    session.peer.send({ ...EMPTY, beat: 3, assignments });
    await eventually(() => countAssignments(answers) === 12);
    expect(answers.length).toBeGreaterThan(2);
    expect(answers.filter((frame) => frame.case === 'dispatch' && frame.value.acks !== undefined)).toHaveLength(1);
  });

  it('ends a stream whose agent does not read with OVERLOAD, and drops its connection when even that is not read', async () => {
    const clock = new HandClock();
    await using rig = await Rig.start([], { clock });
    const { call, session } = await rig.session();
    call.write(HELLO);
    call.pause();
    await eventually(() => session.frames.length === 1);
    const input = { kind: 'inline', bytes: encodeValue('x'.repeat(250_000)) } as const;
    let sent = 0;
    while (session.endedCount === 0 && sent < 1_000) {
      session.peer.send({ ...EMPTY, assignments: [{ ...ASSIGNMENT, input }] });
      sent += 1;
      if (sent % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(session.endedCount).toBe(1);
    expect(sent * 250_000).toBeLessThan(limits.streamQueueBytesMax * 2);
    expect(rig.listener.sessionCount).toBe(1);
    clock.advance(times.streamEndGraceMs);
    await eventually(() => rig.listener.sessionCount === 0);
    expect(session.endedCount).toBe(1);
  });

  it('says that a slow reader is behind when its queue does not come down, and when it has caught up', async () => {
    const clock = new HandClock();
    await using rig = await Rig.start([], { clock });
    const { call, session } = await rig.session();
    call.write(HELLO);
    call.pause();
    await eventually(() => session.frames.length === 1);
    const input = { kind: 'inline', bytes: encodeValue('x'.repeat(250_000)) } as const;
    for (let sent = 0; (session.peer.queuedBytes ?? 0) <= limits.aheadBytesMax && sent < 100; sent++) {
      session.peer.send({ ...EMPTY, assignments: [{ ...ASSIGNMENT, input }] });
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(session.queue).toEqual([]);
    clock.advance(times.behindMs);
    expect(session.queue).toEqual([true]);
    expect(session.endedCount).toBe(0);
    call.resume();
    await eventually(() => session.queue.length === 2);
    expect(session.queue).toEqual([true, false]);
    call.cancel();
  });

  it('ends the stream of an agent that stays behind with OVERLOAD, though its queue is not full', async () => {
    const clock = new HandClock();
    await using rig = await Rig.start([], { clock });
    const { call, session } = await rig.session();
    call.write(HELLO);
    call.pause();
    await eventually(() => session.frames.length === 1);
    const input = { kind: 'inline', bytes: encodeValue('x'.repeat(250_000)) } as const;
    for (let sent = 0; (session.peer.queuedBytes ?? 0) <= limits.aheadBytesMax && sent < 100; sent++) {
      session.peer.send({ ...EMPTY, assignments: [{ ...ASSIGNMENT, input }] });
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(session.queue).toEqual([]);
    clock.advance(times.behindMs);
    expect(session.queue).toEqual([true]);
    clock.advance(times.overloadMs);
    await eventually(() => session.endedCount === 1);
    clock.advance(times.streamEndGraceMs);
    await eventually(() => rig.listener.sessionCount === 0);
    expect(session.queue).toEqual([true]);
  });

  it('ignores a deadline of 30 days', async () => {
    await using rig = await Rig.start();
    const client = rig.client();
    const same = (bytes: Buffer): Buffer => bytes;
    const deadline = Date.now() + 30 * 86_400_000;
    const call = client.makeBidiStreamRequest('/yardmaster.v1.AgentService/Session', same, same, { deadline });
    call.on('error', () => {});
    call.write(HELLO);
    await eventually(() => rig.plane.sessions[0]?.frames.length === 1);
    // A deadline that overflowed would have ended the call within a millisecond.
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(rig.plane.sessions[0]?.endedCount).toBe(0);
    call.cancel();
  });
});

const ASSIGNMENT = {
  attemptId: 'a#1',
  runId: 'r',
  workflow: 'w',
  path: 'p',
  number: 1,
  try: 1,
  capability: 'load',
  capabilityVersion: '',
  input: { kind: 'inline', bytes: encodeValue({}) },
  timeoutMs: 0,
  idempotencyKey: 'k',
  idempotent: false,
  lossWindowMs: 30_000,
  heartbeatTimeoutMs: 0,
  checkpoint: undefined,
  priority: 'normal',
  metadata: {},
} as const;

function countAssignments(frames: readonly SessionResponse['frame'][]): number {
  return frames.reduce((sum, frame) => sum + (frame.case === 'dispatch' ? frame.value.assignments.length : 0), 0);
}

type OpaqueReport = Extract<
  NonNullable<MessageInitShape<typeof OpaqueRequestSchema>['frame']>,
  { case: 'report' }
>['value'];

function opaqueReport(value: OpaqueReport): Buffer {
  return Buffer.from(toBinary(OpaqueRequestSchema, create(OpaqueRequestSchema, { frame: { case: 'report', value } })));
}

function resultWith(value: Uint8Array): Buffer {
  const output = { kind: { case: 'value', value } } as const;
  return opaqueReport({ results: [{ attemptId: 'a#1', result: { case: 'completed', value: { output } } }] });
}
