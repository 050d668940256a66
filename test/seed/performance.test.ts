/** The seed, "Performance Optimization". `any` in its ResourceManager has its types here. */
import { expect, test } from 'vitest';
import {
  getWorkflowAgentIds,
  type MultiAgentOrchestrator,
  WorkflowBuilder,
  type WorkflowResult,
} from 'yardmaster/client';
import { TestMesh } from 'yardmaster/testing';
import { optimizedDataProcessing } from '../../examples/workflows/optimized-data-processing.ts';
import type { StepDefinition } from '../../src/workflow/definition.ts';

// Use parallel execution for independent steps
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

test('OptimizedDataProcessing: children of a parallel block run at once, blocks one after the other, each step once', async () => {
  await using mesh = await TestMesh.start();
  const db = mesh.agent('db-extractor').setResponse('extract', ({ source }) => `rows of ${source}`);
  const others = [
    mesh.agent('api-extractor').setResponse('extract', 'rows of the API'),
    mesh.agent('data-cleaner').setResponse('clean', null),
    mesh.agent('data-transformer').setResponse('transform', null),
    mesh.agent('report-generator').setResponse('generate', null),
    mesh.agent('dashboard-updater').setResponse('update', null),
    mesh.agent('notifier').setResponse('notify', null),
  ];
  for (const agent of [db, ...others]) {
    for (const action of ['extract', 'clean', 'transform', 'generate', 'update', 'notify']) {
      if (offers(agent.id, action)) agent.setDelay(action, '10s');
    }
  }
  const run = await mesh.startWorkflow(optimizedWorkflow);
  await mesh.advance('1m');
  const result = await run.result();
  expect(result.status).toBe('COMPLETED');
  const begun = run.history()[0]?.startedAt ?? 0;
  const seconds = (at: number | undefined): number => Math.round(((at ?? 0) - begun) / 1_000);
  const attempts = run.history().map(({ path, number, agent, startedAt, endedAt }) => {
    return `${seconds(startedAt)} to ${seconds(endedAt)}: ${path}#${number} on ${agent}`;
  });
  // Those that start at the same time are in no order.
  expect(attempts.toSorted()).toEqual([
    '0 to 10: extract-api#1 on api-extractor',
    '0 to 10: extract-db1#1 on db-extractor',
    '0 to 10: extract-db2#1 on db-extractor',
    '10 to 20: clean-data#1 on data-cleaner',
    '20 to 30: transform-data#1 on data-transformer',
    '30 to 40: generate-report#1 on report-generator',
    '30 to 40: send-notifications#1 on notifier',
    '30 to 40: update-dashboard#1 on dashboard-updater',
  ]);
  expect(db.calls.map(({ input }) => input)).toEqual(expect.arrayContaining([{ source: 'db1' }, { source: 'db2' }]));
  expect(db.calls).toHaveLength(2);
  expect(result.steps.filter(({ kind }) => kind === 'AGENT')).toHaveLength(8);
});

test('the workflow of the demo is that of the seed: the same blocks, agents and actions in the same order', () => {
  expect(outline(optimizedDataProcessing.definition.steps)).toEqual(outline(optimizedWorkflow.definition.steps));
  expect(getWorkflowAgentIds(optimizedDataProcessing)).toEqual(getWorkflowAgentIds(optimizedWorkflow));
});

/** The step that an agent of this workflow is there for. */
function offers(agentId: string, action: string): boolean {
  return flatten(optimizedWorkflow.definition.steps).some(
    (step) => step.type === 'agent' && step.agentId === agentId && step.action === action,
  );
}

function outline(steps: readonly StepDefinition[]): readonly string[] {
  return flatten(steps).map((step) => {
    const work = step.type === 'agent' ? `${step.action} on ${step.agentId}` : step.type;
    return `${step.id} (${step.name}) after [${step.dependencies}]: ${work}`;
  });
}

function flatten(steps: readonly StepDefinition[]): readonly StepDefinition[] {
  return steps.flatMap((step) => ('steps' in step ? [step, ...flatten(step.steps)] : [step]));
}

interface QueuedWorkflow {
  readonly workflowId: string;
  readonly parameters: Record<string, unknown> | undefined;
  readonly resolve: (result: WorkflowResult) => void;
  readonly reject: (error: unknown) => void;
}

class ResourceManager {
  private maxConcurrentWorkflows = 10;
  private activeWorkflows = new Set<string>();
  private workflowQueue: QueuedWorkflow[] = [];

  async executeWorkflow(
    orchestrator: MultiAgentOrchestrator,
    workflowId: string,
    parameters?: Record<string, unknown>,
  ): Promise<WorkflowResult> {
    // Check if we can execute immediately
    if (this.activeWorkflows.size < this.maxConcurrentWorkflows) {
      return this.executeImmediately(orchestrator, workflowId, parameters);
    }

    // Queue the workflow
    return this.queueWorkflow(orchestrator, workflowId, parameters);
  }

  private async executeImmediately(
    orchestrator: MultiAgentOrchestrator,
    workflowId: string,
    parameters?: Record<string, unknown>,
  ): Promise<WorkflowResult> {
    this.activeWorkflows.add(workflowId);

    try {
      const result = await orchestrator.executeWorkflow(workflowId, parameters);
      return result;
    } finally {
      this.activeWorkflows.delete(workflowId);

      // Process next workflow in queue
      this.processQueue(orchestrator);
    }
  }

  private async queueWorkflow(
    _orchestrator: MultiAgentOrchestrator,
    workflowId: string,
    parameters?: Record<string, unknown>,
  ): Promise<WorkflowResult> {
    return new Promise((resolve, reject) => {
      this.workflowQueue.push({
        workflowId,
        parameters,
        resolve,
        reject,
      });
    });
  }

  private async processQueue(orchestrator: MultiAgentOrchestrator): Promise<void> {
    if (this.workflowQueue.length === 0 || this.activeWorkflows.size >= this.maxConcurrentWorkflows) {
      return;
    }

    const next = this.workflowQueue.shift();
    if (next) {
      try {
        const result = await this.executeImmediately(orchestrator, next.workflowId, next.parameters);
        next.resolve(result);
      } catch (error) {
        next.reject(error);
      }
    }
  }
}

/** An agent that takes 10 s for each job and has room for all of them; how many it has at once is what counts. */
async function openWorkshop(names: readonly string[]) {
  const mesh = await TestMesh.start();
  const jobs = { now: 0, most: 0, started: [] as string[] };
  mesh.agent('worker', { slots: 50 }).setResponse('work', async ({ job }, ctx) => {
    jobs.started.push(job);
    jobs.most = Math.max(jobs.most, ++jobs.now);
    await mesh.sleep('10s', ctx.signal);
    jobs.now--;
    return job;
  });
  for (const name of names) {
    await mesh.registerWorkflow(
      new WorkflowBuilder(name)
        .step('work', { action: 'work', parameters: { job: '${{ params.job }}' } })
        .output(({ steps }) => steps.work.output)
        .build(),
    );
  }
  return { mesh, jobs };
}

test('ResourceManager: of 23 workflows ten run at once, the others in the order in which they came, and each gets its own result', async () => {
  const names = Array.from({ length: 23 }, (_, i) => `Import-${i}`);
  const { mesh, jobs } = await openWorkshop(names);
  await using _ = mesh;
  const manager = new ResourceManager();
  const results = names.map((name) => manager.executeWorkflow(mesh.orchestrator, name, { job: `job of ${name}` }));
  await mesh.advance('5s');
  expect([jobs.now, jobs.started.length]).toEqual([10, 10]);
  await mesh.advance('10s');
  expect([jobs.now, jobs.started.length]).toEqual([10, 20]);
  await mesh.advance('20s');
  const ended = await Promise.all(results);
  expect(ended.map(({ workflowId, status, output }) => `${workflowId} ${status} ${output}`)).toEqual(
    names.map((name) => `${name} COMPLETED job of ${name}`),
  );
  expect(jobs.started).toHaveLength(23);
  expect(new Set(jobs.started.slice(10, 20))).toEqual(new Set(names.slice(10, 20).map((name) => `job of ${name}`)));
  expect(jobs.most).toBe(10);
});

test('ResourceManager: it counts names, so it does not limit runs of one workflow', async () => {
  const { mesh, jobs } = await openWorkshop(['Import']);
  await using _ = mesh;
  const manager = new ResourceManager();
  const results = Array.from({ length: 12 }, (_, i) =>
    manager.executeWorkflow(mesh.orchestrator, 'Import', { job: `${i}` }),
  );
  await mesh.advance('5s');
  expect(jobs.most).toBe(12);
  await mesh.advance('10s');
  expect((await Promise.all(results)).map(({ output }) => output)).toEqual(
    Array.from({ length: 12 }, (_, i) => `${i}`),
  );
});

test('ResourceManager: what was refused frees its place, and the queue goes on', async () => {
  const { mesh } = await openWorkshop(['Import']);
  await using _ = mesh;
  const manager = new ResourceManager();
  const missing = Array.from({ length: 10 }, (_, i) => manager.executeWorkflow(mesh.orchestrator, `Missing-${i}`));
  const outcomes = Promise.allSettled(missing);
  const queued = manager.executeWorkflow(mesh.orchestrator, 'Import', { job: 'late' });
  await mesh.advance('15s');
  expect((await outcomes).map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 'rejected'));
  expect((await queued).output).toBe('late');
});
