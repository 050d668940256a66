import { expect, test } from 'vitest';
import {
  MultiAgentOrchestrator,
  Orchestrator,
  StepStatus,
  WorkflowBuilder,
  WorkflowStatus,
} from '../../../src/embedded/index.ts';

test("the seed's plain form runs: a builder, agents with handlers, a result by status", async () => {
  await using orchestrator = new MultiAgentOrchestrator();
  await orchestrator.registerAgent({
    id: 'data-processor',
    name: 'Data Processor',
    handlers: { process: (input: { readonly n: number }) => ({ doubled: input.n * 2 }) },
  });
  await orchestrator.registerAgent({ id: 'reporter', handlers: { report: (input: unknown) => ({ got: input }) } });
  const workflow = new WorkflowBuilder('DataProcessing')
    .description('Doubles and reports')
    .step('process-data', { agentId: 'data-processor', action: 'process', parameters: { n: '${{ params.n }}' } })
    .step('report-data', {
      agentId: 'reporter',
      action: 'report',
      parameters: { from: '${{ steps["process-data"].output.doubled }}' },
      dependencies: ['process-data'],
    })
    .build();
  await orchestrator.registerWorkflow(workflow);
  const percentages: number[] = [];
  orchestrator.onProgress(({ percentage }) => {
    percentages.push(percentage);
  });
  const result = await orchestrator.executeWorkflow(workflow.id, { n: 21 });
  expect(result.status).toBe(WorkflowStatus.COMPLETED);
  expect(result.steps.map(({ stepId, status, agent, output }) => ({ stepId, status, agent, output }))).toEqual([
    { stepId: 'process-data', status: StepStatus.COMPLETED, agent: 'data-processor', output: { doubled: 42 } },
    { stepId: 'report-data', status: StepStatus.COMPLETED, agent: 'reporter', output: { got: { from: 42 } } },
  ]);
  expect(percentages.at(-1)).toBe(100);
});

test('a failed run resolves, with the step, the agent and the error', async () => {
  await using orchestrator = new Orchestrator();
  await orchestrator.registerAgent({
    id: 'validator',
    handlers: {
      validate: () => {
        throw new Error('Invalid format');
      },
    },
  });
  const workflow = new WorkflowBuilder('Validate').step('validate-data', { action: 'validate' }).build();
  await orchestrator.registerWorkflow(workflow);
  const result = await orchestrator.executeWorkflow(workflow);
  expect(result.status).toBe(WorkflowStatus.FAILED);
  expect(result.error).toMatchObject({ step: 'validate-data', agent: 'validator', attempt: 1 });
  expect(result.error?.message).toContain('Invalid format');
});

test('an agent without handlers is expected, and shown as missing', async () => {
  await using orchestrator = new Orchestrator();
  await orchestrator.registerAgent({ id: 'logger', name: 'Logging Agent' });
  expect(orchestrator.listAgents()).toMatchObject([{ agentId: 'logger', name: 'Logging Agent', status: 'MISSING' }]);
});

test('refuses to register what the server refuses, with every problem', async () => {
  await using orchestrator = new Orchestrator();
  await expect(
    orchestrator.registerWorkflow({
      yaml: 'name: X\nsteps:\n  - id: a\n    action: x\n    when: steps.b.output.n > 1\n',
      file: 'x.yaml',
    }),
  ).rejects.toMatchObject({ problems: [{ code: 'UNKNOWN_STEP', place: { file: 'x.yaml', line: 5 } }] });
});

test('the audit log of an embedded control plane knows in whose name it was called', async () => {
  await using orchestrator = new Orchestrator({ actor: 'ada' });
  await orchestrator.registerWorkflow({ name: 'Empty', steps: [{ id: 'a', action: 'a' }] });
  expect(await orchestrator.listAudit({ actor: 'ada' })).toMatchObject([
    { action: 'workflow.register', subject: { kind: 'WORKFLOW', name: 'Empty' }, outcome: 'DONE' },
  ]);
});
