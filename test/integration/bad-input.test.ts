/**
 * Bad input against a control plane in a process of its own, on a real port and a real file: each case is answered with a
 * typed error, and after each the same process runs a workflow to its end. One run is under way all the time.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { status as Status, type StatusObject } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Agent } from '../../src/agent-sdk/index.ts';
import { Orchestrator, type RunHandle } from '../../src/client/index.ts';
import { limits } from '../../src/core/limits.ts';
import { SessionRequestSchema as OpaqueRequestSchema } from '../../src/gen/opaque/session_pb.ts';
import { ResultVerdict } from '../../src/gen/yardmaster/v1/dispatch_pb.ts';
import { RunService } from '../../src/gen/yardmaster/v1/run_service_pb.ts';
import { SessionRequestSchema } from '../../src/gen/yardmaster/v1/session_request_pb.ts';
import { WorkflowService } from '../../src/gen/yardmaster/v1/workflow_service_pb.ts';
import { type Child, startChild } from '../chaos/child-process.ts';
import { deepValue, lengthPrefixed } from './transport/deep-value.ts';
import { Dialer, failureOf, pathOf, problemsOf, reasonOf } from './transport/dialer.ts';
import { HandAgent } from './transport/mesh.ts';

type Frame = NonNullable<MessageInitShape<typeof SessionRequestSchema>['frame']>;

const { registerWorkflow } = WorkflowService.method;
const { startRun } = RunService.method;
const UNKNOWN_RUN = '01kdvdna000000000000000000';
const DEEP = 100;

let folder: string;
let controlPlane: Child<{ readonly port: number }>;
let dialer: Dialer;
let client: Orchestrator;
let agent: Agent;
let held: RunHandle;
let release = (): void => {};
let silent: Promise<StatusObject>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'yardmaster-bad-'));
  controlPlane = await startChild('control-plane.ts', [join(folder, 'yardmaster.db'), '0']);
  dialer = new Dialer(controlPlane.ready.port);
  // Says nothing: refused after its ten seconds, while the other cases go on.
  const stream = dialer.stream();
  stream.call.resume();
  silent = stream.status;
  await startHealthy(`http://127.0.0.1:${controlPlane.ready.port}`);
});

afterEach(async () => {
  const { status, output } = await client.executeWorkflow('Echo', { text: 'still here' });
  expect({ status, output }).toEqual({ status: 'COMPLETED', output: { text: 'still here' } });
});

afterAll(async () => {
  release();
  await agent.stop({ graceMs: 0 });
  await client.close();
  dialer.hangUp();
  await controlPlane.kill();
  await rm(folder, { recursive: true, force: true });
});

async function startHealthy(url: string): Promise<void> {
  agent = new Agent({ id: 'healthy', slots: 8, url, inline: true });
  agent.handle<object>('echo', (input) => input);
  agent.handle('hold', (_, ctx) => {
    ctx.progress(0.5, 'holding');
    return new Promise<string>((resolve) => {
      release = () => resolve('nothing was lost');
    });
  });
  await agent.start();
  client = new Orchestrator({ url });
  const echo = { id: 'echo', action: 'echo', parameters: '${{ params }}' };
  await client.registerWorkflow({ name: 'Echo', steps: [echo], output: '${{ steps.echo.output }}' });
  await client.registerWorkflow({ name: 'Held', steps: [{ id: 'hold', action: 'hold' }] });
  for (const name of ['mine', 'twice']) {
    await client.registerWorkflow({ name, steps: [{ id: name, action: name }] });
  }
  held = await client.startWorkflow('Held');
}

function bytesOf(frame: Frame): Buffer {
  return Buffer.from(toBinary(SessionRequestSchema, create(SessionRequestSchema, { frame })));
}

function helloOf(agentId: string): Buffer {
  const state = { revision: 1, slots: 1, capabilities: [{ name: 'nothing' }] };
  return bytesOf({ case: 'hello', value: { agentId, instanceId: `${agentId}-1`, protocolVersion: 1, state } });
}

/** How a stream ends on which an agent sends these messages. */
async function endOf(
  ...messages: readonly Buffer[]
): Promise<{ readonly code: Status; readonly reason?: string; readonly details: string }> {
  const { call, status } = dialer.stream();
  call.resume();
  for (const message of messages) call.write(message);
  const ended = await status;
  const reason = reasonOf(ended);
  return { code: ended.code, details: ended.details, ...(reason !== undefined && { reason }) };
}

/** The problems with which a definition is refused, as `CODE at line`. */
async function problemsWith(text: string): Promise<readonly string[]> {
  const definition = { case: 'source', value: { text, file: 'bad.yaml' } } as const;
  const error = await failureOf(dialer.unary(registerWorkflow, { definition }));
  expect(error.code).toBe(Status.INVALID_ARGUMENT);
  expect(reasonOf(error)).toBe('WORKFLOW_INVALID');
  return problemsOf(error).map(({ code, line }) => `${code} at ${line}`);
}

function enlist(agentId: string, name: string, idempotent = false): HandAgent {
  return new HandAgent(dialer.stream().call, { agentId, capabilities: [{ name, idempotent }] });
}

function completed(attemptId: string, text: string) {
  const output = { kind: { case: 'value', value: { kind: { case: 'stringValue', value: text } } } } as const;
  return { results: [{ attemptId, result: { case: 'completed', value: { output } } } as const] };
}

// The first of all: of many agents that are lost within a second the steps wait a while.
test('a result for a fenced attempt is answered SUPERSEDED and changes nothing', async () => {
  const first = enlist('first', 'twice', true);
  const run = await client.startWorkflow('twice');
  const { attemptId } = await first.assignment(1);
  first.crash();
  const second = enlist('second', 'twice', true);
  second.report(completed((await second.assignment(1)).attemptId, 'second'));
  expect(await run.result()).toMatchObject({ status: 'COMPLETED', steps: [{ output: 'second' }] });
  const back = enlist('first', 'twice', true);
  back.report(completed(attemptId, 'late'));
  await expect.poll(() => back.verdicts).toEqual([ResultVerdict.SUPERSEDED]);
  expect((await client.run(run.id).result()).steps).toMatchObject([{ output: 'second' }]);
  second.crash();
  back.crash();
});

describe('a definition', () => {
  test('of malformed YAML is refused at its line', async () => {
    expect(await problemsWith('name: Bad\nsteps: [ {id: a\n')).toContain('MALFORMED_TEXT at 3');
    expect(await problemsWith('name: "\u0000\n\t- : : {{')).toContainEqual(expect.stringMatching(/^MALFORMED_TEXT/));
    const bomb = Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]`).join('\n');
    expect(await problemsWith(`a0: &a0 x\n${bomb}`)).not.toEqual([]);
  });

  test('with cycles is refused with the way around each', async () => {
    const text = `name: Bad
steps:
  - { id: a, action: echo, dependencies: [c] }
  - { id: b, action: echo, dependencies: [a] }
  - { id: c, action: echo, dependencies: [b] }
  - { id: d, action: echo, dependencies: [d] }
`;
    expect(await problemsWith(text)).toEqual(['CYCLE at 3', 'CYCLE at 6']);
  });

  test('with unknown dependencies is refused with a list of all', async () => {
    const text = `name: Bad
steps:
  - { id: a, action: echo, dependencies: [nowhere] }
  - { id: b, action: echo, dependencies: [__proto__] }
`;
    expect(await problemsWith(text)).toEqual(['UNKNOWN_DEPENDENCY at 3', 'UNKNOWN_DEPENDENCY at 4']);
  });

  test('with bad expressions is refused with a list of all', async () => {
    const nested = `${'('.repeat(500)}1${')'.repeat(500)}`;
    const text = `name: Bad
steps:
  - { id: a, action: echo, when: '1 +' }
  - { id: b, action: echo, parameters: { x: '\${{ nobody(1) }}' } }
  - { id: c, action: echo, parameters: { x: '\${{ ${nested} }}' } }
  - { id: d, action: echo, parameters: { x: '\${{ steps.nowhere.output }}' } }
`;
    const problems = await problemsWith(text);
    expect(problems).toEqual([
      'BAD_EXPRESSION at 3',
      'BAD_EXPRESSION at 4',
      'BAD_EXPRESSION at 5',
      'UNKNOWN_STEP at 6',
    ]);
  });
});

describe('a frame', () => {
  test('that is oversized ends its stream with RESOURCE_EXHAUSTED', async () => {
    const { code } = await endOf(helloOf('oversized'), Buffer.alloc(limits.frameBytesMax + 1));
    expect(code).toBe(Status.RESOURCE_EXHAUSTED);
    const request = lengthPrefixed(0x0a, Buffer.alloc(limits.frameBytesMax, 'x'));
    expect(await failureOf(dialer.rawUnary(startRun, request))).toMatchObject({ code: Status.RESOURCE_EXHAUSTED });
  });

  test('that is malformed ends its stream with MALFORMED_FRAME, which names the field', async () => {
    const malformed = { code: Status.INVALID_ARGUMENT, reason: 'MALFORMED_FRAME' };
    for (const bytes of [Buffer.alloc(0), Buffer.from([0x0a, 0xff, 0xff]), Buffer.from('GET / HTTP/1.1\r\n\r\n')]) {
      expect(await endOf(helloOf('malformed'), bytes)).toMatchObject(malformed);
    }
    const results = [{ attemptId: 'x'.repeat(10_000), result: { case: 'completed', value: {} } } as const];
    const ended = await endOf(helloOf('malformed'), bytesOf({ case: 'report', value: { results } }));
    expect(ended).toMatchObject(malformed);
    expect(ended.details).toContain('report.results[0].attempt_id');
    expect(await failureOf(dialer.rawUnary(startRun, Buffer.from([0x0a, 0xff])))).toMatchObject({
      code: Status.INVALID_ARGUMENT,
    });
  });

  test('that is a second Hello ends its stream with HELLO_TWICE', async () => {
    const ended = await endOf(helloOf('twice-greeted'), helloOf('twice-greeted'));
    expect(ended).toMatchObject({ code: Status.FAILED_PRECONDITION, reason: 'HELLO_TWICE' });
  });

  test('before any Hello ends its stream with HELLO_FIRST', async () => {
    const ended = await endOf(bytesOf({ case: 'beat', value: { number: 1 } }));
    expect(ended).toMatchObject({ code: Status.FAILED_PRECONDITION, reason: 'HELLO_FIRST' });
  });
});

describe('a result', () => {
  test('for a foreign attempt is answered UNKNOWN and changes nothing', async () => {
    const owner = enlist('owner', 'mine');
    const thief = enlist('thief', 'theirs');
    const run = await client.startWorkflow('mine');
    const { attemptId } = await owner.assignment(1);
    thief.report(completed(attemptId, 'stolen'));
    await expect.poll(() => thief.verdicts).toEqual([ResultVerdict.UNKNOWN]);
    owner.report(completed(attemptId, 'mine'));
    expect(await run.result()).toMatchObject({ status: 'COMPLETED', steps: [{ output: 'mine' }] });
    expect(owner.verdicts).toEqual([ResultVerdict.ACCEPTED]);
    owner.crash();
    thief.crash();
  });

  test('for an unknown attempt is answered UNKNOWN, and the stream goes on', async () => {
    const stranger = enlist('stranger', 'strange');
    const ids = [
      `${UNKNOWN_RUN}/a#1`,
      `${held.id}/nothing#1`,
      `${held.id}/hold#2`,
      `${held.id}/__proto__#1`,
      'nonsense',
    ];
    for (const id of ids) stranger.report(completed(id, 'invented'));
    await expect.poll(() => stranger.verdicts).toEqual(ids.map(() => ResultVerdict.UNKNOWN));
    stranger.crash();
  });

  test('that is 100 deep fails its attempt and not the stream', async () => {
    const hand = enlist('deep', 'mine');
    const run = await client.startWorkflow('mine');
    const { attemptId } = await hand.assignment(1);
    hand.sendBytes(deepResult(attemptId));
    expect(await run.result()).toMatchObject({ status: 'FAILED', steps: [{ error: { code: 'INVALID_OUTPUT' } }] });
    expect(hand.verdicts).toEqual([ResultVerdict.ACCEPTED]);
    hand.crash();
  });
});

/** The opaque twin takes a value as it is: our own encoder refuses one so deep. */
function deepResult(attemptId: string): Buffer {
  const output = { kind: { case: 'value', value: deepValue(DEEP) } } as const;
  const results = [{ attemptId, result: { case: 'completed', value: { output } } } as const];
  const frame = { case: 'report', value: { results } } as const;
  return Buffer.from(toBinary(OpaqueRequestSchema, create(OpaqueRequestSchema, { frame })));
}

describe('a value', () => {
  test('that is 100 deep is refused as parameters', async () => {
    const request = Buffer.concat([lengthPrefixed(0x0a, Buffer.from('Echo')), lengthPrefixed(0x1a, deepValue(DEEP))]);
    expect((await failureOf(dialer.rawUnary(startRun, request))).code).toBe(Status.INVALID_ARGUMENT);
    const parameters = `{"deep":${'['.repeat(DEEP)}${']'.repeat(DEEP)}}`;
    expect((await post(`{"workflow":"Echo","parameters":${parameters}}`)).code).toBe('invalid_argument');
  });

  test('with __proto__ keys is data, from the parameters to the output', async () => {
    const text = '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}';
    const { runId } = await post(`{"workflow":"Echo","parameters":${text}}`);
    const { status, output } = await client.run(String(runId)).result();
    expect({ status, output: JSON.stringify(output) }).toEqual({ status: 'COMPLETED', output: text });
    expect(await post(`{"__proto__":{"workflow":"Echo"}}`)).toMatchObject({ code: 'invalid_argument' });
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });
});

/** StartRun as JSON over HTTP/1. */
async function post(body: string): Promise<Record<string, unknown>> {
  const url = `http://127.0.0.1:${dialer.port}${pathOf(startRun)}`;
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  return (await response.json()) as Record<string, unknown>;
}

describe('the port', () => {
  test('answers HTTP/1 garbage with 400', async () => {
    expect(await dialer.raw('\x00\x01\x02 garbage\r\n\r\n')).toContain('400 Bad Request');
    expect(await dialer.raw(`GET /${'x'.repeat(100_000)} HTTP/1.1\r\n\r\n`)).not.toContain('200 OK');
    expect(await dialer.raw('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nthis is no frame at all')).not.toContain('200 OK');
  });

  test('ends a stream without a Hello with NO_HELLO', async () => {
    const ended = await silent;
    expect(ended.code).toBe(Status.FAILED_PRECONDITION);
    expect(reasonOf(ended)).toBe('NO_HELLO');
  });
});

test('a run that was under way all the time ends in its first attempt', async () => {
  release();
  const { status, steps } = await held.result();
  expect(status).toBe('COMPLETED');
  expect(steps).toMatchObject([{ output: 'nothing was lost', attempts: [{ number: 1 }] }]);
});
