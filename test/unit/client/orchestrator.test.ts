import { Code, ConnectError, createRouterTransport } from '@connectrpc/connect';
import { describe, expect, test } from 'vitest';
import { Orchestrator, type RunEvent, type WorkflowProgress, WorkflowStatus } from '../../../src/client/index.ts';
import { RunStatus } from '../../../src/gen/yardmaster/v1/run_pb.ts';
import { AttemptOutcome, StepStatus } from '../../../src/gen/yardmaster/v1/step_state_pb.ts';
import { FakeMesh, RUN_ID, refusal } from './fake-mesh.ts';

function open(): { readonly mesh: FakeMesh; readonly client: Orchestrator } {
  const mesh = new FakeMesh();
  return { mesh, client: new Orchestrator({ transport: createRouterTransport(mesh.routes) }) };
}

const started = {
  case: 'attemptStarted',
  value: {
    $typeName: 'yardmaster.v1.AttemptStarted',
    stepPath: 'extract',
    number: 1,
    tryNumber: 1,
    agentId: 'db-extractor',
    instanceId: '7f3a',
    resumed: false,
  },
} as const;
const ended = {
  case: 'stepEnded',
  value: {
    $typeName: 'yardmaster.v1.StepEnded',
    stepPath: 'extract',
    status: StepStatus.COMPLETED,
    skipReason: 0,
    skippedBecauseOf: '',
    takenOver: false,
    usedFallback: false,
  },
} as const;

describe('awaiting a run', () => {
  test('costs one StartRun and one GetRun that waits', async () => {
    const { mesh, client } = open();
    const run = await client.startWorkflow('Nightly', { table: 'orders' });
    const result = run.result();
    mesh.finish();
    expect(await result).toMatchObject({ status: WorkflowStatus.COMPLETED, output: 'ok', durationMs: 4_000 });
    expect(mesh.calls).toEqual(['startRun', 'getRun wait']);
  });

  test('resolves for a failed run', async () => {
    const { mesh, client } = open();
    mesh.finish(RunStatus.FAILED);
    const result = await client.executeWorkflow('Nightly');
    expect(result).toMatchObject({ status: 'FAILED', output: undefined });
    expect(result.steps.map((step) => step.stepId)).toEqual(['extract', 'load']);
  });

  test('goes on over a control plane that is away for a while', async () => {
    const { mesh, client } = open();
    const run = await client.startWorkflow('Nightly');
    mesh.failures.push(new ConnectError('no', Code.Unavailable));
    mesh.finish();
    expect((await run.result()).status).toBe('COMPLETED');
    expect(mesh.calls).toEqual(['startRun', 'getRun wait', 'getRun wait']);
  });

  test('ends with CLIENT_CLOSED when the client is closed', async () => {
    const { client } = open();
    const run = await client.startWorkflow('Nightly');
    const result = run.result();
    const answer = expect(result).rejects.toMatchObject({ code: 'CLIENT_CLOSED' });
    await client.close();
    await answer;
  });
});

describe('starting a run', () => {
  test('says what the server said: code, facts, problems and the way out', async () => {
    const { mesh, client } = open();
    mesh.failures.push(refusal());
    await expect(client.startWorkflow('Nigtly')).rejects.toMatchObject({
      code: 'WORKFLOW_NOT_FOUND',
      meta: { nearest: 'Nightly', status: 'NOT_FOUND' },
      next: 'run Nightly',
      problems: [{ code: 'UNKNOWN', message: 'no', place: { line: 4, column: 2 } }],
    });
  });

  test('is repeated after a cut only with a request id', async () => {
    const { mesh, client } = open();
    mesh.failures.push(new ConnectError('gone', Code.Unavailable));
    await expect(client.startWorkflow('Nightly')).rejects.toMatchObject({ code: 'UNREACHABLE' });
    mesh.failures.push(new ConnectError('gone', Code.Unavailable));
    expect((await client.startWorkflow('Nightly', {}, { requestId: 'orders-24' })).id).toBe(RUN_ID);
  });

  test('refuses parameters that are not an object', async () => {
    const { mesh, client } = open();
    await expect(client.startWorkflow('Nightly', [])).rejects.toMatchObject({ code: 'INVALID_PARAMETERS' });
    expect(mesh.calls).toEqual([]);
  });
});

describe('watching a run', () => {
  test('resumes after the last position when the stream is cut, without a gap or a repeat', async () => {
    const { mesh, client } = open();
    mesh.push(started);
    mesh.push(ended);
    mesh.finish();
    mesh.cuts = [1, 1];
    const seen: RunEvent[] = [];
    for await (const event of client.run(RUN_ID).events()) seen.push(event);
    expect(seen.map((event) => `${event.position} ${event.type} ${event.step ?? '-'} ${event.agent ?? '-'}`)).toEqual([
      '1 attemptStarted extract db-extractor',
      '2 stepEnded extract -',
      '3 runEnded - -',
    ]);
    expect(mesh.watchedFrom).toEqual([1, 2, 3]);
  });

  test('ends at once for a position after the last one', async () => {
    const { mesh, client } = open();
    mesh.finish();
    mesh.run = { ...mesh.run, position: 1 };
    mesh.events.length = 1;
    const seen: RunEvent[] = [];
    for await (const event of client.watchRun(RUN_ID, { fromPosition: 1 })) seen.push(event);
    expect(seen).toHaveLength(1);
  });
});

describe('progress', () => {
  test('reaches 100 before the result is told, and a faulty listener harms nobody', async () => {
    const { mesh, client } = open();
    const seen: WorkflowProgress[] = [];
    client.onProgress(() => {
      throw new Error('a listener of a careless user');
    });
    client.onProgress((progress) => {
      seen.push(progress);
    });
    const run = await client.startWorkflow('Nightly');
    while (seen.length === 0) await client.listRuns();
    mesh.push(started);
    mesh.push({
      case: 'attemptEnded',
      value: {
        $typeName: 'yardmaster.v1.AttemptEnded',
        stepPath: 'extract',
        number: 1,
        agentId: 'db-extractor',
        instanceId: '7f3a',
        outcome: AttemptOutcome.COMPLETED,
        usage: {},
      },
    });
    mesh.push(ended);
    mesh.finish();
    await run.result();
    expect(seen.map(({ percentage, completedSteps, totalSteps }) => [percentage, completedSteps, totalSteps])).toEqual(
      expect.arrayContaining([
        [50, 1, 2],
        [100, 1, 2],
      ]),
    );
    expect(seen.at(-1)).toMatchObject({ percentage: 100, executionId: RUN_ID, workflowId: 'Nightly', etaMs: 0 });
    expect(seen.some((progress) => progress.currentStep === 'extract')).toBe(true);
  });
});
