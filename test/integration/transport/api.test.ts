import { type MessageInitShape, toJson } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import { status as Status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { limits } from '../../../src/core/limits.ts';
import { FleetService } from '../../../src/gen/yardmaster/v1/fleet_service_pb.ts';
import type { Payload } from '../../../src/gen/yardmaster/v1/payload_pb.ts';
import { RunStatus } from '../../../src/gen/yardmaster/v1/run_pb.ts';
import type {
  CancelRunsRequestSchema,
  CancelRunsResponse,
  WatchRunResponse,
} from '../../../src/gen/yardmaster/v1/run_service_pb.ts';
import { RunService } from '../../../src/gen/yardmaster/v1/run_service_pb.ts';
import { StepKind, StepStatus, WaitReason } from '../../../src/gen/yardmaster/v1/step_state_pb.ts';
import type { Workflow } from '../../../src/gen/yardmaster/v1/workflow_pb.ts';
import { WorkflowService } from '../../../src/gen/yardmaster/v1/workflow_service_pb.ts';
import { Mesh } from './mesh.ts';
import { eventually, failureOf, problemsOf, reasonOf } from './rig.ts';

const { registerWorkflow, getWorkflow, listWorkflows, watchWorkflows } = WorkflowService.method;
const { startRun, getRun, listRuns, watchRun, cancelRun, cancelRuns, explainStep } = RunService.method;
const { listAgents, getAgent, listCapabilities } = FleetService.method;

const NIGHTLY = `
name: nightly
description: two steps
steps:
  - id: pull
    action: extract
    parameters: { table: "\${{ params.table }}" }
    retry: { tries: 3, backoff: 10ms }
  - id: push
    action: load
    parameters: "\${{ steps.pull.output }}"
output: "\${{ steps.push.output }}"
`;

async function register(mesh: Mesh, text = NIGHTLY): Promise<Workflow> {
  const answer = await mesh.rig.unary(registerWorkflow, {
    definition: { case: 'source', value: { text, file: 'nightly.yaml' } },
  });
  if (answer.workflow === undefined) throw new Error('no workflow');
  return answer.workflow;
}

const PARAMETERS = {
  kind: {
    case: 'structValue',
    value: { fields: { table: { kind: { case: 'stringValue', value: 'birds' } } } },
  },
} as const;

describe('the API over gRPC', () => {
  it('registers a workflow from text, and the same content as data is the same version', async () => {
    await using mesh = await Mesh.start();
    const workflow = await register(mesh);
    expect(workflow).toMatchObject({ name: 'nightly', version: 1, description: 'two steps' });
    const again = await mesh.rig.unary(registerWorkflow, { definition: { case: 'workflow', value: workflow } });
    expect(again).toMatchObject({ created: false, workflow: { version: 1, hash: workflow.hash } });
    const { workflow: got } = await mesh.rig.unary(getWorkflow, { name: 'nightly' });
    expect(got?.steps.map((step) => step.block.case)).toEqual(['agent', 'agent']);
  });

  it('says every problem of a definition with its line', async () => {
    await using mesh = await Mesh.start();
    const text =
      'name: broken\nsteps:\n  - id: a\n    action: x\n    dependencies: [nowhere]\n  - id: a\n    action: y\n';
    const error = await failureOf(register(mesh, text));
    expect(error.code).toBe(Status.INVALID_ARGUMENT);
    expect(reasonOf(error)).toBe('WORKFLOW_INVALID');
    const problems = problemsOf(error);
    expect(problems.length).toBeGreaterThan(1);
    expect(problems.every((problem) => problem.file === 'nightly.yaml' && problem.line > 0)).toBe(true);
  });

  it('pages through workflows by name', async () => {
    await using mesh = await Mesh.start();
    for (const name of ['c', 'a', 'b']) await register(mesh, `name: ${name}\nsteps: [{ id: s, action: x }]\n`);
    const first = await mesh.rig.unary(listWorkflows, { pageSize: 2 });
    expect(first.workflows.map(({ name }) => name)).toEqual(['a', 'b']);
    const second = await mesh.rig.unary(listWorkflows, { pageSize: 2, pageToken: first.nextPageToken });
    expect(second.workflows.map(({ name }) => name)).toEqual(['c']);
    expect(second.nextPageToken).toBe('');
    const bad = await failureOf(mesh.rig.unary(listWorkflows, { pageToken: 'made up' }));
    expect(bad.details).toContain('page_token');
  });

  it('tells all workflows in messages of a bearable size, says when that was all, then tells what is registered', async () => {
    await using mesh = await Mesh.start();
    const large = 'x'.repeat(limits.definitionBytesMax * 0.6);
    for (const name of ['a', 'b', 'c']) {
      await register(mesh, `name: ${name}\ndescription: ${large}\nsteps: [{ id: s, action: x }]\n`);
    }
    const told: string[] = [];
    const stream = mesh.rig.serverStream(watchWorkflows, {});
    stream.on('error', () => {});
    stream.on('data', ({ workflows, complete }) => {
      told.push(`${workflows.map((workflow: Workflow) => `${workflow.name} v${workflow.version}`)} ${complete}`);
    });
    await eventually(() => told.length === 3);
    expect(told).toEqual(['a v1 false', 'b v1 false', 'c v1 true']);
    await register(mesh, 'name: b\nsteps: [{ id: s, action: y }]\n');
    await register(mesh, 'name: b\nsteps: [{ id: s, action: y }]\n');
    await register(mesh, 'name: d\nsteps: [{ id: s, action: x }]\n');
    await eventually(() => told.length === 5);
    expect(told.slice(3)).toEqual(['b v2 true', 'd v1 true']);
    stream.cancel();
  });

  it('runs a workflow on an agent and shows every value of it', async () => {
    await using mesh = await Mesh.start();
    await register(mesh);
    const agent = mesh.agent('worker', ['extract', 'load']);
    const start = { workflow: 'nightly', parameters: PARAMETERS, requestId: 'r-1', labels: { team: 'data' } };
    const { runId, created } = await mesh.rig.unary(startRun, start);
    expect(created).toBe(true);
    expect(await mesh.rig.unary(startRun, start)).toMatchObject({ runId, created: false });

    const watched = collect(mesh, runId);
    const pull = await agent.assignment(1);
    expect(pull).toMatchObject({ stepPath: 'pull', number: 1, tryNumber: 1, capability: 'extract', runId });
    expect(jsonOf(pull.input)).toEqual({ table: 'birds' });
    const { attemptId } = pull;
    const failed = { code: 'DOWN', message: 'try again', retryable: true };
    agent.report({ results: [{ attemptId, result: { case: 'failed', value: failed } }] });
    const second = await agent.assignment(2);
    expect(second).toMatchObject({ stepPath: 'pull', number: 2, tryNumber: 2 });
    agent.report({
      updates: [
        { attemptId: second.attemptId, update: { case: 'accepted', value: {} } },
        { attemptId: second.attemptId, update: { case: 'progress', value: { fraction: 0.5, message: 'half' } } },
      ],
    });
    await eventually(() => watched.some((event) => event.case === 'stepProgressed'));
    agent.report({ results: [completed(second.attemptId, 'rows')] });
    const push = await agent.assignment(3);
    expect(jsonOf(push.input)).toBe('rows');
    agent.report({ results: [completed(push.attemptId, 'done')] });

    const { run } = await mesh.rig.unary(getRun, {
      runId: runId.slice(-8),
      includeValues: true,
      wait: { seconds: 10n },
    });
    expect(run).toMatchObject({
      status: RunStatus.COMPLETED,
      completedSteps: 2,
      totalSteps: 2,
      progress: 1,
      labels: { team: 'data' },
    });
    expect(jsonOf(run?.parameters)).toEqual({ table: 'birds' });
    expect(jsonOf(run?.output)).toBe('done');
    expect(run?.steps.map(({ path, status, kind }) => [path, status, kind])).toEqual([
      ['pull', StepStatus.COMPLETED, StepKind.AGENT],
      ['push', StepStatus.COMPLETED, StepKind.AGENT],
    ]);
    expect(run?.steps[0]?.attempts).toMatchObject([
      { number: 1, agentId: 'worker', error: { code: 'DOWN', message: 'try again' } },
      { number: 2, instanceId: 'worker-1' },
    ]);
    expect(jsonOf(run?.steps[0]?.output)).toBe('rows');
    await eventually(() => watched.at(-1)?.case === 'runEnded');
    const kinds = watched.map((event) => event.case).filter((kind) => kind !== 'stepProgressed');
    expect(kinds).toEqual([
      ...['runStarted', 'stepReady', 'attemptStarted', 'attemptEnded', 'retryScheduled'],
      ...['attemptStarted', 'attemptEnded', 'stepEnded'],
      ...['stepReady', 'attemptStarted', 'attemptEnded', 'stepEnded', 'runEnding', 'runEnded'],
    ]);
    const retry = watched.find((event) => event.case === 'retryScheduled');
    expect(retry?.value).toMatchObject({ tryNumber: 2, error: { code: 'DOWN' } });
  });

  it('starts a run and answers with its output when it is over', async () => {
    await using mesh = await Mesh.start();
    await register(mesh);
    const agent = mesh.agent('worker', ['extract', 'load']);
    const wait = { seconds: 60n, nanos: 0 };
    const ended = mesh.rig.unary(startRun, { workflow: 'nightly', parameters: PARAMETERS, requestId: 'r-2', wait });
    agent.report({ results: [completed((await agent.assignment(1)).attemptId, 'rows')] });
    agent.report({ results: [completed((await agent.assignment(2)).attemptId, 'loaded')] });
    const { run, created } = await ended;
    expect(created).toBe(true);
    expect(run).toMatchObject({ status: RunStatus.COMPLETED, steps: [], completedSteps: 2, totalSteps: 2 });
    expect(jsonOf(run?.output)).toBe('loaded');
    const again = await mesh.rig.unary(startRun, {
      workflow: 'nightly',
      parameters: PARAMETERS,
      requestId: 'r-2',
      wait,
    });
    expect(again).toMatchObject({ created: false, run: { runId: run?.runId, status: RunStatus.COMPLETED } });
  });

  it('explains why a step waits, cancels its run and lists it', async () => {
    await using mesh = await Mesh.start();
    await register(mesh);
    const { runId } = await mesh.rig.unary(startRun, { workflow: 'nightly', parameters: PARAMETERS });
    const nobody = await mesh.rig.unary(explainStep, { runId });
    expect(nobody).toMatchObject({ stepPath: 'pull', status: StepStatus.READY, waitReason: WaitReason.NO_AGENT });
    expect(nobody.requirement).toMatchObject({ action: 'extract' });
    const { run } = await mesh.rig.unary(getRun, { runId });
    expect(run?.steps[0]).toMatchObject({ status: StepStatus.READY, waitReason: WaitReason.NO_AGENT });
    expect(run?.parameters).toBeUndefined();

    expect(await mesh.rig.unary(cancelRun, { runId, reason: 'enough' })).toMatchObject({ accepted: true });
    const { runs } = await mesh.rig.unary(listRuns, { filter: { statuses: [RunStatus.CANCELLED] } });
    expect(runs.map((listed) => listed.runId)).toEqual([runId]);
    const nothing = await failureOf(mesh.rig.unary(explainStep, { runId }));
    expect(reasonOf(nothing)).toBe('NOTHING_WAITS');
  });

  it('finds runs by filter, page by page, and refuses the token of another filter', async () => {
    await using mesh = await Mesh.start();
    await register(mesh);
    const labels = { team: 'data', env: 'prod' };
    for (const more of [labels, labels, labels, { team: 'web' }]) {
      await mesh.rig.unary(startRun, { workflow: 'nightly', parameters: PARAMETERS, labels: more });
    }
    const filter = { workflow: 'nightly', statuses: [RunStatus.RUNNING, RunStatus.ENDING], labels };
    const first = await mesh.rig.unary(listRuns, { filter, pageSize: 2 });
    expect(first.runs.map((run) => run.labels)).toEqual([labels, labels]);
    const second = await mesh.rig.unary(listRuns, { filter, pageSize: 2, pageToken: first.nextPageToken });
    expect(second).toMatchObject({ runs: [{ labels }], nextPageToken: '' });

    const other = mesh.rig.unary(listRuns, { filter: { workflow: 'nightly' }, pageToken: first.nextPageToken });
    const refused = await failureOf(other);
    expect(refused.code).toBe(Status.INVALID_ARGUMENT);
    expect(reasonOf(refused)).toBe('PAGE_TOKEN_MISMATCH');
    const bad = await failureOf(
      mesh.rig.unary(listRuns, { filter: { statuses: [99 as RunStatus] }, pageToken: 'made up' }),
    );
    expect(problemsOf(bad).map(({ pointer }) => pointer)).toEqual(['page_token', 'filter.statuses']);
  });

  it('cancels runs by filter in one call that says how far it is', async () => {
    await using mesh = await Mesh.start();
    await register(mesh);
    const start = { workflow: 'nightly', parameters: PARAMETERS };
    for (let i = 0; i < 60; i++) await mesh.rig.unary(startRun, { ...start, labels: { batch: 'a' } });
    const { runId: kept } = await mesh.rig.unary(startRun, start);
    const filter = { labels: { batch: 'a' } };
    const [tried] = await readAll(mesh, { filter, dryRun: true });
    expect(tried).toMatchObject({ matched: 60, cancelled: 0, done: true });
    expect(tried?.runIds).toHaveLength(20);

    const told = await readAll(mesh, { filter, reason: 'enough' });
    const counts = told.map(({ matched, cancelled, done }) => [matched, cancelled, done]);
    expect(counts).toEqual([
      [50, 50, false],
      [60, 60, true],
    ]);
    expect(await readAll(mesh, { filter })).toMatchObject([{ matched: 0, cancelled: 0, done: true }]);
    const { runs } = await mesh.rig.unary(listRuns, { filter: { statuses: [RunStatus.RUNNING] } });
    expect(runs.map((run) => run.runId)).toEqual([kept]);
    const unbounded = await failureOf(readAll(mesh, {}));
    expect(reasonOf(unbounded)).toBe('INVALID_ARGUMENT');
    expect(problemsOf(unbounded).map(({ pointer }) => pointer)).toEqual(['filter']);
  });

  it('shows agents and what they offer', async () => {
    await using mesh = await Mesh.start();
    mesh.agent('worker', ['extract', 'load']);
    mesh.agent('other', ['load']);
    await eventually(() => mesh.controlPlane.listAgents('default').length === 2);
    const { agents } = await mesh.rig.unary(listAgents, {});
    expect(agents.map(({ agentId }) => agentId)).toEqual(['other', 'worker']);
    const { agent } = await mesh.rig.unary(getAgent, { agentId: 'worker' });
    expect(agent?.instances[0]).toMatchObject({ instanceId: 'worker-1', slots: 4, sdk: { name: 'by hand' } });
    const { offers } = await mesh.rig.unary(listCapabilities, {});
    expect(offers).toMatchObject([
      { capability: { name: 'extract', version: '1.2.0' }, agentIds: ['worker'], instances: 1, clash: false },
      { capability: { name: 'load' }, agentIds: ['other', 'worker'], instances: 2, readyInstances: 2 },
    ]);
    const found = await mesh.rig.unary(listCapabilities, { search: ' Extract worker ' });
    expect(found.offers.map(({ capability }) => capability?.name)).toEqual(['extract']);
    const long = await failureOf(mesh.rig.unary(listCapabilities, { search: 'x'.repeat(limits.searchCharsMax + 1) }));
    expect(problemsOf(long)).toMatchObject([{ pointer: 'search' }]);
    const unknown = await failureOf(mesh.rig.unary(getAgent, { agentId: 'nobody' }));
    expect(unknown.code).toBe(Status.NOT_FOUND);
  });

  it('says everything that is wrong with a request at once', async () => {
    await using mesh = await Mesh.start();
    const error = await failureOf(
      mesh.rig.unary(startRun, {
        workflow: 'no such name!',
        requestId: 'x'.repeat(200),
        parameters: { kind: { case: 'stringValue', value: 'text' } },
      }),
    );
    expect(error.code).toBe(Status.INVALID_ARGUMENT);
    expect(problemsOf(error).map(({ pointer }) => pointer)).toEqual(['request_id', 'parameters', 'workflow']);
  });

  it('answers NOT_FOUND for runs and workflows that are not there', async () => {
    await using mesh = await Mesh.start();
    expect((await failureOf(mesh.rig.unary(getRun, { runId: '0'.repeat(26) }))).code).toBe(Status.NOT_FOUND);
    expect((await failureOf(mesh.rig.unary(startRun, { workflow: 'nowhere' }))).code).toBe(Status.NOT_FOUND);
    const stream = mesh.rig.serverStream(watchRun, { runId: '0'.repeat(26) });
    const error = await new Promise<{ code: number }>((resolve) => stream.on('error', resolve as never).resume());
    expect(error.code).toBe(Status.NOT_FOUND);
  });
});

type Event = WatchRunResponse['events'][number]['event'];

function collect(mesh: Mesh, runId: string): Event[] {
  const events: Event[] = [];
  const stream = mesh.rig.serverStream(watchRun, { runId, live: true });
  stream.on('error', () => {});
  stream.on('data', (message: WatchRunResponse) => events.push(...message.events.map(({ event }) => event)));
  return events;
}

function readAll(
  mesh: Mesh,
  request: MessageInitShape<typeof CancelRunsRequestSchema>,
): Promise<readonly CancelRunsResponse[]> {
  return mesh.rig.serverStream(cancelRuns, request).toArray();
}

function completed(attemptId: string, value: string) {
  const output = { kind: { case: 'value', value: { kind: { case: 'stringValue', value } } } } as const;
  return { attemptId, result: { case: 'completed', value: { output } } } as const;
}

function jsonOf(payload: Payload | undefined) {
  return payload?.kind.case === 'value' ? toJson(ValueSchema, payload.kind.value) : payload?.kind.case;
}
