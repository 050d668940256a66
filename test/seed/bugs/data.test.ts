/** What the seed system got wrong about values and definitions, and what this one does. */
import { describe, expect, test } from 'vitest';
import { Orchestrator, WorkflowBuilder } from 'yardmaster';
import { TestMesh } from 'yardmaster/testing';
import { minutesOf, openStage, play } from './mesh.ts';

describe('bug 13, theirs: every variable goes to every agent as context_<name>, secrets included, and agents cannot write any', () => {
  test('ours: an agent gets what its step says and nothing else, and a secret only the step that names it', async () => {
    const secret = 'k-2f9a81c4e7';
    await using mesh = await TestMesh.start({ secrets: { API_KEY: secret } });
    const worker = mesh.agent('worker').setResponse('a', null).setResponse('b', null);
    const workflow = new WorkflowBuilder('Inputs')
      .description('Says what each agent gets')
      .secrets('API_KEY')
      .step('a', { action: 'a', parameters: { context_user: 'mine', key: 'secret:API_KEY' } })
      .step('b', { action: 'b', parameters: { user: '${{ params.user }}' } })
      .build();
    const run = await play(mesh, workflow, '1m', { user: 'ada', context_user: 'theirs', password: 'hunter2' });
    expect(worker.calls.map(({ input }) => input)).toEqual([{ context_user: 'mine', key: secret }, { user: 'ada' }]);
    const view = await mesh.orchestrator.getRun(run.id, { values: true });
    expect(JSON.stringify(view)).not.toContain(secret);
  });

  test('ours: the loop of their documents ends when the agent says that it has converged', async () => {
    await using stage = await openStage({});
    let error = 8;
    stage.worker.setResponse('iterate', () => {
      error /= 2;
      return { error, converged: error < 1.5 };
    });
    const workflow = new WorkflowBuilder('Iterate')
      .description('Until it has converged')
      .loop('rounds', { until: 'last.converged', maxIterations: 10, body: [{ id: 'iterate', action: 'iterate' }] })
      .output('steps.rounds.output')
      .build();
    const run = await play(stage.mesh, workflow);
    expect(run).toHaveHistory([1, 2, 3].map((i) => `rounds/${i}/iterate#1 COMPLETED`));
    expect((await run.result()).output).toEqual({ error: 1, converged: true });
  });
});

describe('bug 16, theirs: a circle in a raw definition is registered, and overflows the stack when it runs', () => {
  test('ours: it is refused with every step of the circle, whichever way it is registered', async () => {
    await using stage = await openStage({});
    const steps = [
      { id: 'a', action: 'a', dependencies: ['c'] },
      { id: 'b', action: 'b', dependencies: ['a'] },
      { id: 'c', action: 'c', dependencies: ['b'] },
    ];
    const refusal = { problems: [expect.objectContaining({ code: 'CYCLE', message: expect.stringContaining('a') })] };
    await expect(stage.mesh.registerWorkflow({ name: 'Circle', steps })).rejects.toMatchObject(refusal);
    const yaml = `name: Circle\nsteps: ${JSON.stringify(steps)}`;
    await expect(stage.mesh.registerWorkflow({ yaml })).rejects.toMatchObject(refusal);
    const wire = {
      name: 'Circle',
      steps: steps.map(({ id, action, dependencies }) => agentStep(id, action, dependencies)),
    };
    const { workflows } = stage.mesh.orchestrator.api;
    await expect(workflows.registerWorkflow({ definition: { case: 'workflow', value: wire } })).rejects.toMatchObject(
      refusal,
    );
    await stage.mesh.orchestrator.ready();
    expect(stage.mesh.orchestrator.listWorkflows()).toEqual([]);
  });

  function agentStep(id: string, action: string, dependencies: readonly string[]) {
    return { id, dependencies: [...dependencies], block: { case: 'agent' as const, value: { action } } };
  }
});

describe('bug 17, theirs: a template is copied as JSON, which drops its predicates and turns numbers into text', () => {
  test('ours: a definition is JSON, so a copy runs as the original does, and parameters keep their types', async () => {
    await using stage = await openStage({ take: '1m', small: 0, large: 0 });
    stage.worker.setResponse('take', (input) => input);
    const builder = new WorkflowBuilder('Original')
      .description('Has a condition and a loop')
      .loop('twice', {
        while: 'iteration <= 2',
        maxIterations: 2,
        onMaxIterations: 'stop',
        body: [{ id: 'take', action: 'take', parameters: { n: '${{ params.n }}', text: 'n is ${{ params.n }}' } }],
      })
      .condition('decide', {
        if: 'params.n > 4',
        then: [{ id: 'large', action: 'large' }],
        else: [{ id: 'small', action: 'small' }],
      })
      .output('steps.twice.output');
    const copy = { ...JSON.parse(JSON.stringify(builder.toSource())), name: 'Copy' };
    await stage.mesh.registerWorkflow(copy);
    const original = await play(stage.mesh, builder.build(), '10m', { n: 5 });
    const copied = await stage.mesh.startWorkflow('Copy', { n: 5 });
    await stage.mesh.advance('10m');
    expect(minutesOf(copied)).toEqual(['twice/1/take 0-1', 'twice/2/take 1-2', 'large 2-2']);
    expect(minutesOf(copied)).toEqual(minutesOf(original));
    expect((await copied.result()).output).toEqual({ n: 5, text: 'n is 5' });
  });
});

describe('bug 22, theirs: results hold Error objects, which JSON turns into {}, and a run by the name of its workflow fails', () => {
  test('ours: a result survives JSON, with its error and its times, and the name starts it', async () => {
    await using orchestrator = new Orchestrator();
    await orchestrator.registerAgent({
      id: 'worker',
      handlers: {
        fine: () => 1,
        bad: () => {
          throw new Error('out of paper');
        },
      },
    });
    const workflow = new WorkflowBuilder('Print')
      .description('Prints')
      .step('fine', { action: 'fine' })
      .step('bad', { action: 'bad' })
      .build();
    await orchestrator.registerWorkflow(workflow);
    expect(workflow.id).toBe('Print');
    const result = await orchestrator.executeWorkflow('Print');
    const copy = JSON.parse(JSON.stringify(result));
    expect(copy.error).toMatchObject({
      code: 'HANDLER_ERROR',
      message: expect.stringContaining('out of paper'),
      step: 'bad',
    });
    expect(copy.steps.map(({ stepId, status }: { stepId: string; status: string }) => `${stepId} ${status}`)).toEqual([
      'fine COMPLETED',
      'bad FAILED',
    ]);
    expect(copy.steps[1].error).toEqual(copy.error);
    expect(new Date(copy.startTime)).toEqual(result.startTime);
    expect(copy.steps[1].attempts).toMatchObject([{ number: 1, outcome: 'FAILED', agent: 'worker' }]);
  });
});
