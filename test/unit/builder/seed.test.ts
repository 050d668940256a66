/** The seed's own builder examples, in their words (those whose features this version has). */
import { expect, test } from 'vitest';
import { WorkflowBuilder } from '../../../src/workflow/builder/index.ts';
import type { StepDefinition } from '../../../src/workflow/definition.ts';

function edges(steps: readonly StepDefinition[]): Record<string, readonly string[]> {
  return Object.fromEntries(
    steps.flatMap((step) => [
      [step.id, step.dependencies] as const,
      ...('steps' in step ? Object.entries(edges(step.steps)) : []),
    ]),
  );
}

test('CustomerOnboarding: steps follow each other', () => {
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
  expect(workflow.id).toBe('CustomerOnboarding');
  expect(edges(workflow.definition.steps)).toEqual({ 'verify-identity': [], 'setup-account': ['verify-identity'] });
});

test('Workflow1: bad names are still a workflow', () => {
  const workflow = new WorkflowBuilder('Workflow1')
    .step('step1', {
      name: 'Step 1',
      agentId: 'agent1',
      action: 'do-stuff',
    })
    .build();
  expect(workflow.definition.steps).toEqual([
    { id: 'step1', type: 'agent', name: 'Step 1', agentId: 'agent1', action: 'do-stuff', dependencies: [] },
  ]);
});

test('ResilientProcessing, without the retries of the whole run', () => {
  const resilientWorkflow = new WorkflowBuilder('ResilientProcessing')
    .description('Data processing with error handling and recovery')
    .timeout(300000) // 5 minutes timeout

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
  expect(resilientWorkflow.definition).toMatchObject({
    timeoutMs: 300_000,
    steps: [{ timeoutMs: 60_000, retry: { tries: 3 }, priority: 'high' }, { dependencies: ['process-data'] }],
  });
});

test('OptimizedDataProcessing: blocks wait for each other, children of a parallel start together', () => {
  const optimizedWorkflow = new WorkflowBuilder('OptimizedDataProcessing')
    .description('Optimized data processing workflow')
    // Parallel data extraction
    .parallel('extract-data', {
      name: 'Extract Data from Multiple Sources',
      steps: [
        {
          id: 'extract-db1',
          type: 'agent',
          name: 'Extract from Database 1',
          agentId: 'db-extractor',
          action: 'extract',
          parameters: { source: 'db1' },
        },
        {
          id: 'extract-db2',
          type: 'agent',
          name: 'Extract from Database 2',
          agentId: 'db-extractor',
          action: 'extract',
          parameters: { source: 'db2' },
        },
        {
          id: 'extract-api',
          type: 'agent',
          name: 'Extract from API',
          agentId: 'api-extractor',
          action: 'extract',
        },
      ],
    })

    // Sequential processing (data dependency)
    .sequential('process-data', {
      name: 'Process Extracted Data',
      dependencies: ['extract-data'],
      steps: [
        {
          id: 'clean-data',
          type: 'agent',
          name: 'Clean Data',
          agentId: 'data-cleaner',
          action: 'clean',
        },
        {
          id: 'transform-data',
          type: 'agent',
          name: 'Transform Data',
          agentId: 'data-transformer',
          action: 'transform',
        },
      ],
    })

    // Parallel output generation
    .parallel('generate-outputs', {
      name: 'Generate Multiple Outputs',
      dependencies: ['process-data'],
      steps: [
        {
          id: 'generate-report',
          type: 'agent',
          name: 'Generate Report',
          agentId: 'report-generator',
          action: 'generate',
        },
        {
          id: 'update-dashboard',
          type: 'agent',
          name: 'Update Dashboard',
          agentId: 'dashboard-updater',
          action: 'update',
        },
        {
          id: 'send-notifications',
          type: 'agent',
          name: 'Send Notifications',
          agentId: 'notifier',
          action: 'notify',
        },
      ],
    })
    .build();
  expect(edges(optimizedWorkflow.definition.steps)).toEqual({
    'extract-data': [],
    'extract-db1': [],
    'extract-db2': [],
    'extract-api': [],
    'process-data': ['extract-data'],
    'clean-data': [],
    'transform-data': ['clean-data'],
    'generate-outputs': ['process-data'],
    'generate-report': [],
    'update-dashboard': [],
    'send-notifications': [],
  });
});
