/** `onError`, and the classes of errors. */
import { expect, test } from 'vitest';
import {
  AgentNotFoundError,
  OrchestratorError,
  type RunError,
  StepExecutionError,
  WorkflowBuilder,
  WorkflowDefinitionError,
  WorkflowExecutionError,
  WorkflowNotFoundError,
  YardmasterError,
} from '../../../src/client/index.ts';
import { TestMesh } from '../../../src/testing/index.ts';

function listen(mesh: TestMesh): RunError[] {
  const heard: RunError[] = [];
  mesh.orchestrator.onError(() => {
    throw new Error('a listener of a careless user');
  });
  mesh.orchestrator.onError((error) => void heard.push(error));
  return heard;
}

const show = (error: RunError): string =>
  `${error.constructor.name} ${error.stepId} ${error.code} ${error.agentId}#${error.attempt}`;

test('a step is told once, after its last try, then the run; the listener of another fails alone', async () => {
  await using mesh = await TestMesh.start();
  const heard = listen(mesh);
  const worker = mesh.agent('worker').failWith('load', 'UPSTREAM_DOWN').setResponse('sweep', null);
  const workflow = new WorkflowBuilder('Nightly')
    .parallel('both', { steps: [{ id: 'load', type: 'agent', action: 'load', retries: 2 }] })
    .finally('sweep', { action: 'sweep' })
    .build();
  const run = await mesh.startWorkflow(workflow);
  await mesh.advance('5m');
  expect((await run.result()).status).toBe('FAILED');
  expect(worker.calls.map(({ action }) => action)).toEqual(['load', 'load', 'load', 'sweep']);
  expect(heard.map(show)).toEqual([
    'StepExecutionError load UPSTREAM_DOWN worker#3',
    'WorkflowExecutionError load UPSTREAM_DOWN worker#3',
  ]);
  expect(heard[0]).toMatchObject({ workflowId: 'Nightly', executionId: run.id, name: 'StepExecutionError' });
  expect(heard.map((error) => error instanceof WorkflowExecutionError)).toEqual([false, true]);
  expect(heard.every((error) => error instanceof OrchestratorError && error instanceof YardmasterError)).toBe(true);
});

test('a retry that helped, a cancelled run and a completed one are no errors', async () => {
  await using mesh = await TestMesh.start();
  const heard = listen(mesh);
  mesh.agent('worker').failWith('load', 'BUSY', { times: 1 }).setDelay('wait', Number.POSITIVE_INFINITY);
  const load = new WorkflowBuilder('Load').step('load', { action: 'load', retries: 1 }).build();
  const wait = new WorkflowBuilder('Wait').step('wait', { action: 'wait' }).build();
  const first = await mesh.startWorkflow(load);
  const second = await mesh.startWorkflow(wait);
  await mesh.advance('1m');
  await second.cancel('enough');
  await mesh.advance('1m');
  expect([(await first.result()).status, (await second.result()).status]).toEqual(['COMPLETED', 'CANCELLED']);
  expect(heard).toEqual([]);
});

test('a step and a run that took too long are told, with the code of the time that was over', async () => {
  await using mesh = await TestMesh.start();
  const heard = listen(mesh);
  mesh.agent('worker').setDelay('wait', Number.POSITIVE_INFINITY);
  const step = new WorkflowBuilder('Step').step('wait', { action: 'wait', timeout: '1m' }).build();
  const whole = new WorkflowBuilder('Whole').timeout('2m').step('wait', { action: 'wait', timeout: '1h' }).build();
  const runs = [await mesh.startWorkflow(step), await mesh.startWorkflow(whole)];
  await mesh.advance('10m');
  for (const run of runs) await run.result();
  expect(heard.map(({ workflowId, stepId, code }) => `${workflowId} ${stepId} ${code}`)).toEqual([
    'Step wait STEP_TIMEOUT',
    'Step wait STEP_TIMEOUT',
    'Whole undefined RUN_TIMEOUT',
  ]);
});

test('a refused call rejects with a class of its own, whoever refused it', async () => {
  await using mesh = await TestMesh.start();
  const { orchestrator } = mesh;
  await mesh.registerWorkflow(new WorkflowBuilder('Nightly').step('a', { action: 'a' }).build());
  const missing = orchestrator.startWorkflow('Nigtly');
  await expect(missing).rejects.toBeInstanceOf(WorkflowNotFoundError);
  await expect(missing).rejects.toMatchObject({
    workflowId: 'Nigtly',
    code: 'WORKFLOW_NOT_FOUND',
    message: 'Cannot find workflow "Nigtly"; did you mean "Nightly"?',
  });
  await expect(orchestrator.fetchWorkflow('Nightly', 7)).rejects.toMatchObject({ workflowId: 'Nightly' });
  const nobody = orchestrator.fetchAgent('nobody');
  await expect(nobody).rejects.toBeInstanceOf(AgentNotFoundError);
  await expect(nobody).rejects.toMatchObject({ agentId: 'nobody', code: 'AGENT_NOT_FOUND' });
  const bad = { name: 'Bad', steps: [{ id: 'a', action: 'a', dependencies: ['b'] }] };
  await expect(orchestrator.registerWorkflow(bad)).rejects.toBeInstanceOf(WorkflowDefinitionError);
  const builder = new WorkflowBuilder('Bad').step('a', { action: 'a', dependencies: ['b'] });
  expect(() => builder.build()).toThrow(WorkflowDefinitionError);
});

test('a program makes them with what it has', () => {
  expect(new OrchestratorError('Agent a is in error state')).toMatchObject({
    code: 'ORCHESTRATION_FAILED',
    message: 'Agent a is in error state',
    name: 'OrchestratorError',
  });
  expect(new WorkflowNotFoundError('Nightly').message).toBe('Cannot find workflow "Nightly"');
  expect(new AgentNotFoundError('a')).toMatchObject({ agentId: 'a', meta: { agent: 'a', status: 'NOT_FOUND' } });
  expect(new StepExecutionError({ ...FACTS, stepId: 'load' }).stepId).toBe('load');
});

const FACTS = {
  workflowId: 'Nightly',
  executionId: '01k',
  code: 'DOWN',
  message: 'no',
  agentId: undefined,
  attempt: undefined,
};
