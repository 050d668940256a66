/** The seed's way to test a workflow: mocks that a real orchestrator registers, on real connections and in real time. */
import { expect, test } from 'vitest';
import { MultiAgentOrchestrator, StepStatus, WorkflowBuilder, WorkflowStatus } from '../../../src/embedded/index.ts';
import { MockAgent } from '../../../src/testing/index.ts';

const workflow = new WorkflowBuilder('DataProcessing')
  .step('process-data', { action: 'process', agentId: 'data-processor' })
  .step('validate-data', { action: 'validate', agentId: 'validator', assert: 'output.valid' })
  .step('generate-report', { action: 'generate', agentId: 'reporter' })
  .build();

async function withMocks(
  check: (orchestrator: MultiAgentOrchestrator, mocks: Map<string, MockAgent>) => Promise<void>,
) {
  await using orchestrator = new MultiAgentOrchestrator();
  const mocks = new Map<string, MockAgent>();
  for (const id of ['data-processor', 'validator', 'reporter']) {
    const mock = new MockAgent(id);
    mocks.set(id, mock);
    await orchestrator.registerAgent(mock);
  }
  await check(orchestrator, mocks);
}

test('processes data', async () => {
  await withMocks(async (orchestrator, mocks) => {
    await orchestrator.registerWorkflow(workflow);
    mocks.get('data-processor')?.setResponse('process', { success: true, records: 100 });
    mocks.get('validator')?.setResponse('validate', { valid: true, errors: [] });
    mocks.get('reporter')?.setResponse('generate', { reportId: 'report-123' });
    const result = await orchestrator.executeWorkflow(workflow.id);
    expect(result.status).toBe(WorkflowStatus.COMPLETED);
    expect(result.steps).toHaveLength(3);
    expect(result.steps.every((step) => step.status === StepStatus.COMPLETED)).toBe(true);
    expect(result.steps.map(({ agent }) => agent)).toEqual(['data-processor', 'validator', 'reporter']);
  });
});

test('fails when the validation does', async () => {
  await withMocks(async (orchestrator, mocks) => {
    await orchestrator.registerWorkflow(workflow);
    mocks.get('data-processor')?.setResponse('process', { success: true, records: 100 });
    mocks.get('validator')?.setResponse('validate', { valid: false, errors: ['Invalid format'] });
    const result = await orchestrator.executeWorkflow(workflow.id);
    expect(result.status).toBe(WorkflowStatus.FAILED);
    expect(result.steps.find((step) => step.stepId === 'validate-data')?.status).toBe(StepStatus.FAILED);
    expect(mocks.get('reporter')?.calls).toEqual([]);
  });
});

test('a mock that crashes moves its work, on real connections too', async () => {
  await using orchestrator = new MultiAgentOrchestrator();
  await orchestrator.registerAgent(new MockAgent('first', { idempotent: ['work'] }).crashOn('work'));
  await orchestrator.registerWorkflow(new WorkflowBuilder('Work').step('w', { action: 'work' }).build());
  const run = await orchestrator.startWorkflow('Work');
  await orchestrator.registerAgent(new MockAgent('second').setResponse('work', 'saved'));
  const result = await run.result();
  expect(result.status).toBe('COMPLETED');
  expect(result.steps[0]?.attempts.map(({ agent, outcome }) => `${agent} ${outcome}`)).toEqual([
    'first LOST',
    'second COMPLETED',
  ]);
});
