/** The seed, "Workflow Design Principles". Its `{ ... }` are filled in. */
import { expect, test } from 'vitest';
import { WorkflowBuilder } from 'yardmaster';
import type { Workflow } from 'yardmaster/client';
import { TestMesh } from 'yardmaster/testing';
import { lintWorkflow } from '../../src/workflow/lint.ts';

test('OrderProcessing: a focused workflow runs its four steps one after the other, each once', async () => {
  const orderProcessingWorkflow = new WorkflowBuilder('OrderProcessing')
    .description('Process customer orders')
    .step('validate-order', { action: 'validate', agentId: 'order-validator' })
    .step('check-inventory', { action: 'check', agentId: 'inventory' })
    .step('process-payment', { action: 'pay', agentId: 'payments' })
    .step('fulfill-order', { action: 'fulfill', agentId: 'warehouse' })
    .build();

  await using mesh = await TestMesh.start();
  mesh.agent('order-validator').setResponse('validate', { valid: true });
  mesh.agent('inventory').setResponse('check', { inStock: true });
  mesh.agent('payments').setResponse('pay', { receipt: 'r-1' });
  mesh.agent('warehouse').setResponse('fulfill', { parcel: 'p-1' });
  const run = await mesh.startWorkflow(orderProcessingWorkflow);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(run.order()).toEqual([
    'start validate-order#1 order-validator',
    'end validate-order#1 COMPLETED',
    'start check-inventory#1 inventory',
    'end check-inventory#1 COMPLETED',
    'start process-payment#1 payments',
    'end process-payment#1 COMPLETED',
    'start fulfill-order#1 warehouse',
    'end fulfill-order#1 COMPLETED',
  ]);
});

test('EverythingWorkflow: over 50 steps are accepted, and lint advises against them', () => {
  const megaWorkflow = new WorkflowBuilder('EverythingWorkflow').description('Does everything in the system');
  for (let i = 0; i < 51; i++) megaWorkflow.step(`reprice-shelf-${i}`, { action: 'reprice', timeout: '1m' });
  expect(adviceOn(megaWorkflow.build())).toEqual(['generic-name', 'too-many-steps']);
});

test('CustomerOnboarding: each step goes to the agent that it names, under the title that it gives', async () => {
  const workflow = new WorkflowBuilder('CustomerOnboarding')
    .description('Complete customer onboarding process including verification, setup, and welcome')
    .step('verify-identity', {
      name: 'Verify Customer Identity',
      agentId: 'identity-verifier',
      action: 'verify-documents',
    })
    .step('setup-account', {
      name: 'Set Up Customer Account',
      agentId: 'account-manager',
      action: 'create-account',
    })
    .build();

  await using mesh = await TestMesh.start();
  const verifier = mesh.agent('identity-verifier').setResponse('verify-documents', { verified: true });
  const accounts = mesh.agent('account-manager').setResponse('create-account', { account: 'a-1' });
  // Offers the same, and is not named.
  const other = mesh.agent('other').setResponse('verify-documents', {}).setResponse('create-account', {});
  const run = await mesh.startWorkflow(workflow);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(run.order()).toEqual([
    'start verify-identity#1 identity-verifier',
    'end verify-identity#1 COMPLETED',
    'start setup-account#1 account-manager',
    'end setup-account#1 COMPLETED',
  ]);
  expect([verifier, accounts, other].map(({ calls }) => calls.length)).toEqual([1, 1, 0]);
  expect(workflow.definition.steps.map(({ name }) => name)).toEqual([
    'Verify Customer Identity',
    'Set Up Customer Account',
  ]);
});

test('Workflow1: names that say nothing run as well, and lint advises against them', async () => {
  const workflow = new WorkflowBuilder('Workflow1')
    .step('step1', {
      name: 'Step 1',
      agentId: 'agent1',
      action: 'do-stuff',
    })
    .build();

  await using mesh = await TestMesh.start();
  mesh.agent('agent1').setResponse('do-stuff', null);
  const run = await mesh.startWorkflow(workflow);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(run).toHaveHistory(['step1#1 COMPLETED']);
  expect(adviceOn(workflow)).toEqual(expect.arrayContaining(['generic-name', 'missing-description']));
});

const resilientWorkflow = new WorkflowBuilder('ResilientProcessing')
  .description('Data processing with error handling and recovery')
  .timeout(300000) // 5 minutes timeout
  .retries(3) // Retry failed workflow up to 3 times

  .step('process-data', {
    name: 'Process Data',
    agentId: 'data-processor',
    action: 'process',
    timeout: 60000, // 1 minute per step
    retries: 2, // Retry failed steps
    priority: 'high',
  })

  // Always include cleanup steps
  .step('cleanup-temp-files', {
    name: 'Clean Up Temporary Files',
    agentId: 'file-manager',
    action: 'cleanup',
    dependencies: ['process-data'],
  })

  .build();

test('ResilientProcessing: two failures are retried, then the cleanup runs, once', async () => {
  await using mesh = await TestMesh.start();
  const processor = mesh.agent('data-processor').failWith('process', 'DISK_FULL', { times: 2 });
  const files = mesh.agent('file-manager').setResponse('cleanup', { removed: 3 });
  const run = await mesh.startWorkflow(resilientWorkflow);
  await mesh.advance('1m');
  expect((await run.result()).status).toBe('COMPLETED');
  expect(run).toHaveHistory([
    'process-data#1 FAILED',
    'process-data#2 FAILED',
    'process-data#3 COMPLETED',
    'cleanup-temp-files#1 COMPLETED',
  ]);
  expect([processor.calls.length, files.calls.length]).toEqual([3, 1]);
});

test('ResilientProcessing: when the retries of a step are over, the workflow is tried again, and what completes then is cleaned up once', async () => {
  await using mesh = await TestMesh.start();
  const processor = mesh.agent('data-processor').failWith('process', 'DISK_FULL', { times: 7 });
  const files = mesh.agent('file-manager').setResponse('cleanup', { removed: 3 });
  const run = await mesh.startWorkflow(resilientWorkflow);
  await mesh.advance('4m');
  expect((await run.result()).status).toBe('COMPLETED');
  expect(run).toHaveHistory([
    ...[1, 2, 3, 4, 5, 6, 7].map((n) => `process-data#${n} FAILED`),
    'process-data#8 COMPLETED',
    'cleanup-temp-files#1 COMPLETED',
  ]);
  expect(run.journal().filter(({ type }) => type === 'RunTryStarted')).toHaveLength(2);
  expect([processor.calls.length, files.calls.length]).toEqual([8, 1]);
});

test('ResilientProcessing: an attempt has a minute, and all tries of the workflow together have five', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('data-processor').setResponse('process', null).setDelay('process', Number.POSITIVE_INFINITY);
  mesh.agent('file-manager').setResponse('cleanup', null);
  const run = await mesh.startWorkflow(resilientWorkflow);
  await mesh.advance('6m');
  const result = await run.result();
  expect([result.status, Math.round(result.durationMs / 60_000)]).toEqual(['TIMED_OUT', 5]);
  expect(run).toHaveHistory([
    'process-data#1 TIMED_OUT',
    'process-data#2 TIMED_OUT',
    'process-data#3 TIMED_OUT',
    'process-data#4 TIMED_OUT',
    'process-data#5 CANCELLED',
  ]);
  const took = run.history().map(({ startedAt, endedAt }) => (endedAt ?? 0) - startedAt);
  expect(took.slice(0, 4)).toEqual([60_000, 60_000, 60_000, 60_000]);
});

test('ResilientProcessing: a cleanup that only depends on what failed does not run; lint says so, `runOn: always` mends it', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('data-processor').failWith('process', 'DISK_FULL');
  const files = mesh.agent('file-manager').setResponse('cleanup', null);
  const run = await mesh.startWorkflow(resilientWorkflow);
  await mesh.advance('5m');
  const result = await run.result();
  expect(result.steps.map(({ stepId, status }) => `${stepId} ${status}`)).toEqual([
    'process-data FAILED',
    'cleanup-temp-files SKIPPED',
  ]);
  // Four tries of the workflow, three of the step in each.
  expect(run).toHaveHistory(Array.from({ length: 12 }, (_, i) => `process-data#${i + 1} FAILED`));
  expect(files.calls).toHaveLength(0);
  expect(adviceOn(resilientWorkflow)).toEqual(['cleanup-not-always']);

  const mended = new WorkflowBuilder('ResilientProcessing')
    .step('process-data', { agentId: 'data-processor', action: 'process' })
    .step('cleanup-temp-files', {
      agentId: 'file-manager',
      action: 'cleanup',
      dependencies: ['process-data'],
      runOn: 'always',
    })
    .build();
  const second = await mesh.startWorkflow(mended);
  expect((await second.result()).status).toBe('FAILED');
  expect(second).toHaveHistory(['process-data#1 FAILED', 'cleanup-temp-files#1 COMPLETED']);
});

/** Codes of lint's warnings, each once. */
function adviceOn({ definition }: Workflow): readonly string[] {
  return [...new Set(lintWorkflow(definition).map(({ code }) => code))];
}
