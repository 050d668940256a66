/** MeshService over a real port: agents of the SDK, in this thread and with a worker thread, and a caller that speaks it by hand. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { status as Status } from '@grpc/grpc-js';
import { afterEach, expect, it } from 'vitest';
import { Agent, type AgentOptions, CallFailed, type Handler, StepError } from '../../../src/agent-sdk/index.ts';
import { limits } from '../../../src/core/limits.ts';
import {
  type InvokeRequestSchema,
  type InvokeResponse,
  MeshService,
} from '../../../src/gen/yardmaster/v1/mesh_service_pb.ts';
import { RunStatus } from '../../../src/gen/yardmaster/v1/run_pb.ts';
import { RunService } from '../../../src/gen/yardmaster/v1/run_service_pb.ts';
import { WorkflowService } from '../../../src/gen/yardmaster/v1/workflow_service_pb.ts';
import { type HandAgent, Mesh } from './mesh.ts';
import { eventually, failureOf, problemsOf, reasonOf } from './rig.ts';

const { invoke } = MeshService.method;
const { startRun, getRun, listRuns } = RunService.method;
const agents: Agent[] = [];

afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.stop({ graceMs: 0 })));
});

async function join(
  mesh: Mesh,
  handlers: Readonly<Record<string, Handler<never>>>,
  options: Partial<AgentOptions> = {},
): Promise<void> {
  const agent = new Agent({ id: 'agent', url: mesh.rig.url, inline: true, ...options });
  for (const [name, handler] of Object.entries(handlers)) agent.handle(name, handler);
  agents.push(agent);
  await agent.start();
}

async function collect(mesh: Mesh, request: MessageInitShape<typeof InvokeRequestSchema>): Promise<InvokeResponse[]> {
  const all: InvokeResponse[] = [];
  for await (const message of mesh.rig.serverStream(invoke, request)) all.push(message);
  return all;
}

function complete(agent: HandAgent, attemptId: string): void {
  agent.report({ results: [{ attemptId, result: { case: 'completed', value: {} } }] });
}

/** Starts a run of one step `ask`, and waits for its end. */
async function ask(
  mesh: Mesh,
): Promise<{ readonly runId: string; readonly status: RunStatus; readonly output: unknown }> {
  const text = 'name: asks\nsteps:\n  - id: ask\n    action: ask\noutput: "${{ steps.ask.output }}"\n';
  await mesh.rig.unary(WorkflowService.method.registerWorkflow, {
    definition: { case: 'source', value: { text, file: 'asks.yaml' } },
  });
  const { runId, run } = await mesh.rig.unary(startRun, { workflow: 'asks', wait: { seconds: 20n, nanos: 0 } });
  const kind = run?.output?.kind;
  const value = kind?.case === 'value' ? kind.value.kind.value : undefined;
  return { runId, status: run?.status ?? RunStatus.UNSPECIFIED, output: value };
}

it.each([
  ['in this thread', true],
  ['in a worker thread', false],
])('an agent whose socket is %s calls another one, with a large value there and back', async (_, inline) => {
  await using mesh = await Mesh.start();
  const large = 'x'.repeat(limits.inlineWireBytesMax + 1);
  const told: number[] = [];
  await join(mesh, {
    double: async ({ text }: { text: string }, ctx) => {
      ctx.progress(0.5, 'half');
      await eventually(() => told.length > 0);
      return text + text;
    },
  });
  const call: Handler<never> = (_, ctx) =>
    ctx.invoke('double', { text: large }, { key: 'large', onProgress: ({ fraction }) => told.push(fraction) });
  await join(mesh, { ask: async (input, ctx) => String(await call(input, ctx)).length }, { id: 'caller', inline });
  const { status, output } = await ask(mesh);
  expect(status).toBe(RunStatus.COMPLETED);
  expect(output).toBe(2 * large.length);
  expect(told).toEqual([0.5]);
});

it('what the other handler failed with comes with its code, its details and its agent, through a worker thread', async () => {
  await using mesh = await Mesh.start();
  await join(mesh, {
    work: () => {
      throw new StepError('NO_PAPER', 'the tray is empty', { details: { tray: 2 } });
    },
  });
  const errors: unknown[] = [];
  const collect = (error: unknown): void => void errors.push(error);
  const handler: Handler<never> = async (_, ctx) => {
    await ctx.invoke('work', { n: 1 }, { key: 'k' }).catch(collect);
    await ctx.invoke('work', { n: 2 }, { key: 'k' }).catch(collect);
  };
  await join(mesh, { ask: handler }, { id: 'caller', inline: false });
  expect((await ask(mesh)).status).toBe(RunStatus.COMPLETED);
  expect(errors.every((error) => error instanceof CallFailed)).toBe(true);
  expect(errors).toMatchObject([
    { code: 'NO_PAPER', details: { tray: 2 }, call: { status: 'FAILED', agentId: 'agent' } },
    { code: 'CALL_KEY_REUSED', retryable: false, call: { status: 'REFUSED' } },
  ]);
});

it('more calls than one connection carries are under way at once, and none waits for another', async () => {
  await using mesh = await Mesh.start();
  let running = 0;
  let most = 0;
  const count = 3 * limits.streamsPerConnectionMax;
  const work = async ({ n }: { n: number }): Promise<number> => {
    most = Math.max(most, ++running);
    await eventually(() => most === count);
    return n;
  };
  await join(mesh, { work }, { slots: 100 });
  const nested: Handler<never> = ({ n }: { n: number }, ctx) => ctx.invoke('work', { n }, { key: 'k' });
  const all: Handler<never> = async (_, ctx) => {
    const calls = Array.from({ length: limits.callsAtOnceMax }, (_, n) => ctx.invoke('part', { n }, { key: `${n}` }));
    return (await Promise.all(calls)).flat().length;
  };
  const part: Handler<never> = async ({ n }: { n: number }, ctx) =>
    Promise.all([0, 1, 2].map((i) => ctx.invoke('nested', { n: 3 * n + i }, { key: `${i}` })));
  await join(mesh, { ask: all, part, nested }, { id: 'caller', slots: 100 });
  const { status, output } = await ask(mesh);
  expect(status).toBe(RunStatus.COMPLETED);
  expect(output).toBe(count);
});

it('by hand: accepted, then the result; attached under the same key; typed refusals', async () => {
  await using mesh = await Mesh.start();
  const caller = mesh.agent('caller', ['ask']);
  const worker = mesh.agent('worker', ['work']);
  const done = ask(mesh);
  const { attemptId } = await caller.assignment(1);
  const request = { attemptId, callKey: 'one', capability: 'work' };
  const first = collect(mesh, request);
  const assigned = await worker.assignment(1);
  expect(assigned).toMatchObject({ capability: 'work', workflow: 'call/work', stepPath: 'call' });
  const second = collect(mesh, request);
  complete(worker, assigned.attemptId);
  const shapes = (events: readonly InvokeResponse[]) => events.map(({ event }) => event.case);
  expect(shapes(await first)).toEqual(['accepted', 'result']);
  const [accepted, result] = await second;
  expect(accepted?.event).toMatchObject({ case: 'accepted', value: { attached: true } });
  expect(result?.event).toMatchObject({ case: 'result', value: { status: RunStatus.COMPLETED } });

  const refused = async (more: object) => failureOf(collect(mesh, { ...request, ...more }));
  const reused = await refused({ capability: 'other' });
  expect([reused.code, reasonOf(reused)]).toEqual([Status.ALREADY_EXISTS, 'CALL_KEY_REUSED']);
  const unknown = await refused({ attemptId: `${attemptId}9` });
  expect([unknown.code, reasonOf(unknown)]).toEqual([Status.FAILED_PRECONDITION, 'ATTEMPT_UNKNOWN']);
  const nonsense = await refused({ attemptId: 'nonsense' });
  expect(reasonOf(nonsense)).toBe('ATTEMPT_UNKNOWN');
  const longest = await refused({
    callKey: 'k'.repeat(limits.callKeyCharsMax),
    retries: limits.callRetriesMax,
    agentId: '?',
  });
  expect(problemsOf(longest).map(({ pointer }) => pointer)).toEqual(['agent_id']);
  const tooLong = await refused({ callKey: 'k'.repeat(limits.callKeyCharsMax + 1) });
  expect(problemsOf(tooLong).map(({ pointer }) => pointer)).toEqual(['call_key']);
  const retries = limits.callRetriesMax + 1;
  const named = { capability: 'a b', agentId: '?', version: 'newest', labels: { '': 'x' } };
  const wrong = await refused({ callKey: '', ...named, retries, timeout: {} });
  expect(wrong.code).toBe(Status.INVALID_ARGUMENT);
  const wrongFields = problemsOf(wrong).map(({ pointer }) => pointer);
  expect(wrongFields).toEqual(['call_key', 'retries', 'timeout', 'capability', 'agent_id', 'labels.', 'version']);

  complete(caller, attemptId);
  const { runId } = await done;
  const late = await refused({ callKey: 'two' });
  expect([late.code, reasonOf(late)]).toEqual([Status.FAILED_PRECONDITION, 'ATTEMPT_NOT_LIVE']);
  const { runs } = await mesh.rig.unary(listRuns, { filter: { parentRunId: runId } });
  expect(runs.map(({ workflow, parentStep, status }) => [workflow, parentStep, status])).toEqual([
    ['call/work', 'ask', RunStatus.COMPLETED],
  ]);
});

it('the run of the caller says which child run each of its calls is, unless steps are not wanted', async () => {
  await using mesh = await Mesh.start();
  await join(mesh, {
    ask: (_, ctx) => ctx.invoke('echo', { a: 1 }, { key: 'one', version: '*' }),
  });
  await join(mesh, { echo: async (input) => input }, { id: 'other' });
  const { runId } = await ask(mesh);
  const { run } = await mesh.rig.unary(getRun, { runId });
  const { runs } = await mesh.rig.unary(listRuns, { filter: { parentRunId: runId } });
  expect(run?.calls).toMatchObject([
    { stepPath: 'ask', tryNumber: 1, callKey: 'one', capability: 'echo', version: '*', agentId: '', labels: {} },
  ]);
  expect(run?.calls[0]).toMatchObject({ runId: runs[0]?.runId, status: RunStatus.COMPLETED, failureCode: '' });
  expect(run?.calls[0]?.createTime).toEqual(runs[0]?.createTime);
  expect(run?.calls[0]?.endTime).toEqual(runs[0]?.endTime);
  expect(run?.hasOlderCalls).toBe(false);
  expect((await mesh.rig.unary(getRun, { runId, omitSteps: true })).run?.calls).toEqual([]);
});
