/**
 * The seed, "Error Handling and Monitoring". Its logger, its metrics and what it does about errors and stuck runs are supplied;
 * `agent.status === 'error'` is UNREACHABLE or LOST here.
 */
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  AgentNotFoundError,
  getWorkflowAgentIds,
  type MultiAgentOrchestrator,
  OrchestratorError,
  StepExecutionError,
  WorkflowBuilder,
  WorkflowExecutionError,
  WorkflowNotFoundError,
  type WorkflowProgress,
  type WorkflowResult,
} from 'yardmaster/client';
import { TestMesh } from 'yardmaster/testing';
import { drive, type Logger, MemoryLogger, MemoryMetrics, type MetricsCollector } from './parts.ts';

interface Alert {
  readonly severity: string;
  readonly message: string;
  readonly details: WorkflowExecutionError;
}

class WorkflowExecutor {
  private orchestrator: MultiAgentOrchestrator;
  private logger: Logger;
  private metrics: MetricsCollector;
  readonly alerts: Alert[] = [];
  readonly recoveries: string[] = [];

  constructor(orchestrator: MultiAgentOrchestrator, logger: Logger, metrics: MetricsCollector) {
    this.orchestrator = orchestrator;
    this.logger = logger;
    this.metrics = metrics;
    this.setupErrorHandling();
  }

  private setupErrorHandling(): void {
    this.orchestrator.onError(async (error) => {
      // Log error with context
      this.logger.error('Workflow execution error', {
        workflowId: error.workflowId,
        stepId: error.stepId,
        errorType: error.constructor.name,
        message: error.message,
        stack: error.stack,
        timestamp: new Date().toISOString(),
      });

      // Update metrics
      this.metrics.incrementCounter('workflow_errors_total', {
        workflow_id: error.workflowId,
        error_type: error.constructor.name,
      });

      // Send alerts for critical errors
      if (error instanceof WorkflowExecutionError) {
        await this.sendAlert({
          severity: 'high',
          message: `Workflow ${error.workflowId} failed: ${error.message}`,
          details: error,
        });
      }

      // Implement automatic recovery for certain error types
      if (error instanceof StepExecutionError) {
        await this.attemptStepRecovery(error);
      }
    });
  }

  async executeWorkflowSafely(workflowId: string, parameters?: Record<string, unknown>): Promise<WorkflowResult> {
    const startTime = Date.now();

    try {
      // Pre-execution validation
      await this.validateWorkflowExecution(workflowId);

      // Execute workflow
      const result = await this.orchestrator.executeWorkflow(workflowId, parameters);

      // Post-execution metrics
      const duration = Date.now() - startTime;
      this.metrics.recordHistogram('workflow_duration_ms', duration, {
        workflow_id: workflowId,
        status: result.status,
      });

      return result;
    } catch (error) {
      // Handle unexpected errors
      this.logger.error('Unexpected workflow execution error', {
        workflowId,
        ...(error instanceof Error ? { error: error.message, stack: error.stack } : { error }),
      });

      throw error;
    }
  }

  private async validateWorkflowExecution(workflowId: string): Promise<void> {
    const workflow = this.orchestrator.getWorkflow(workflowId);
    if (!workflow) {
      throw new WorkflowNotFoundError(workflowId);
    }

    // Validate all required agents are available
    const requiredAgents = getWorkflowAgentIds(workflow);
    for (const agentId of requiredAgents) {
      const agent = this.orchestrator.getAgent(agentId);
      if (!agent) {
        throw new AgentNotFoundError(agentId);
      }
      if (agent.status === 'UNREACHABLE' || agent.status === 'LOST') {
        throw new OrchestratorError(`Agent ${agentId} is in error state`);
      }
    }
  }

  private async sendAlert(alert: Alert): Promise<void> {
    this.alerts.push(alert);
  }

  private async attemptStepRecovery({ stepId, agentId, attempt }: StepExecutionError): Promise<void> {
    this.recoveries.push(`${stepId} after attempt ${attempt} on ${agentId}`);
  }
}

describe('WorkflowExecutor', () => {
  const workflow = new WorkflowBuilder('Nightly')
    .description('Loads and reports')
    .timeout('5m')
    .step('load', { action: 'load', agentId: 'loader' })
    .step('report', { action: 'report', agentId: 'reporter' })
    .build();

  async function open(mesh: TestMesh) {
    const logger = new MemoryLogger();
    const metrics = new MemoryMetrics();
    const loader = mesh.agent('loader').setResponse('load', { rows: 3 });
    const reporter = mesh.agent('reporter').setResponse('report', 'done');
    await mesh.registerWorkflow(workflow);
    await mesh.orchestrator.ready();
    const executor = new WorkflowExecutor(mesh.orchestrator, logger, metrics);
    return { executor, logger, metrics, loader, reporter };
  }

  test('executes what is fit to run, measures it and has nothing to log', async () => {
    await using mesh = await TestMesh.start();
    const { executor, logger, metrics, loader, reporter } = await open(mesh);
    const result = await drive(mesh, executor.executeWorkflowSafely('Nightly', { day: 'monday' }));
    expect(result.status).toBe('COMPLETED');
    expect(mesh.journal(result.runId).filter(({ type }) => type === 'AttemptStarted')).toHaveLength(2);
    expect([loader.calls.length, reporter.calls.length]).toEqual([1, 1]);
    expect(metrics.recorded).toEqual([
      { series: 'workflow_duration_ms workflow_id=Nightly status=COMPLETED', value: expect.any(Number) },
    ]);
    expect([logger.lines, metrics.counted, executor.alerts, executor.recoveries]).toEqual([[], [], [], []]);
  });

  test('a step that failed is logged, counted and recovered, then the run is alerted, each once; the result is a result', async () => {
    await using mesh = await TestMesh.start();
    const { executor, logger, metrics, loader, reporter } = await open(mesh);
    loader.failWith('load', 'UPSTREAM_DOWN', { message: 'the warehouse does not answer' });
    const result = await drive(mesh, executor.executeWorkflowSafely('Nightly'));
    expect(result).toMatchObject({ status: 'FAILED', error: { code: 'UPSTREAM_DOWN', step: 'load', agent: 'loader' } });
    expect([loader.calls.length, reporter.calls.length]).toEqual([1, 0]);
    expect(
      logger.lines.map(({ message, fields }) => [message, fields.errorType, fields.workflowId, fields.stepId]),
    ).toEqual([
      ['Workflow execution error', 'StepExecutionError', 'Nightly', 'load'],
      ['Workflow execution error', 'WorkflowExecutionError', 'Nightly', 'load'],
    ]);
    expect(metrics.counted).toEqual([
      'workflow_errors_total workflow_id=Nightly error_type=StepExecutionError',
      'workflow_errors_total workflow_id=Nightly error_type=WorkflowExecutionError',
    ]);
    expect(executor.recoveries).toEqual(['load after attempt 1 on loader']);
    expect(executor.alerts.map(({ severity, message }) => `${severity}: ${message}`)).toEqual([
      'high: Workflow Nightly failed: the warehouse does not answer',
    ]);
    expect(executor.alerts[0]?.details.executionId).toBe(result.executionId);
    expect(metrics.recorded.map(({ series }) => series)).toEqual([
      'workflow_duration_ms workflow_id=Nightly status=FAILED',
    ]);
  });

  test('a workflow that nobody registered is not executed', async () => {
    await using mesh = await TestMesh.start();
    const { executor, logger, metrics } = await open(mesh);
    await expect(executor.executeWorkflowSafely('Nigtly')).rejects.toBeInstanceOf(WorkflowNotFoundError);
    expect(logger.lines).toMatchObject([
      { message: 'Unexpected workflow execution error', fields: { error: 'Cannot find workflow "Nigtly"' } },
    ]);
    expect([metrics.recorded, metrics.counted]).toEqual([[], []]);
    expect(await mesh.orchestrator.listRuns()).toEqual([]);
  });

  test('a workflow whose agent was never seen is not executed', async () => {
    await using mesh = await TestMesh.start();
    const { executor } = await open(mesh);
    await mesh.registerWorkflow(
      new WorkflowBuilder('Weekly').step('bill', { action: 'bill', agentId: 'accountant' }).build(),
    );
    const refused = executor.executeWorkflowSafely('Weekly');
    await expect(refused).rejects.toBeInstanceOf(AgentNotFoundError);
    await expect(refused).rejects.toMatchObject({ agentId: 'accountant' });
    expect(await mesh.orchestrator.listRuns()).toEqual([]);
  });

  test.each([
    ['cut off', '1s', 'UNREACHABLE'],
    ['lost', '2m', 'LOST'],
  ])('a workflow whose agent is %s is not executed', async (_, time, status) => {
    await using mesh = await TestMesh.start();
    const { executor, loader } = await open(mesh);
    loader.crash();
    await mesh.advance(time);
    expect(mesh.orchestrator.getAgent('loader')?.status).toBe(status);
    const refused = executor.executeWorkflowSafely('Nightly');
    await expect(refused).rejects.toThrow('Agent loader is in error state');
    await expect(refused).rejects.toBeInstanceOf(OrchestratorError);
    expect(await mesh.orchestrator.listRuns()).toEqual([]);
  });
});

interface ExecutionMetrics {
  readonly workflowId: string;
  readonly startTime: Date;
  readonly currentStep: string | undefined;
  readonly completedSteps: number;
  readonly totalSteps: number;
  readonly percentage: number;
}

class WorkflowMonitor {
  private orchestrator: MultiAgentOrchestrator;
  private activeExecutions = new Map<string, ExecutionMetrics>();
  private cancelled = new Set<string>();
  readonly dashboard: WorkflowProgress[] = [];

  constructor(orchestrator: MultiAgentOrchestrator) {
    this.orchestrator = orchestrator;
    this.setupProgressMonitoring();
  }

  private setupProgressMonitoring(): void {
    this.orchestrator.onProgress((progress) => {
      // Update execution metrics
      this.activeExecutions.set(progress.executionId, {
        workflowId: progress.workflowId,
        startTime: progress.startTime,
        currentStep: progress.currentStep,
        completedSteps: progress.completedSteps,
        totalSteps: progress.totalSteps,
        percentage: progress.percentage,
      });

      // Send progress updates to monitoring dashboard
      this.sendProgressUpdate(progress);

      // Check for stuck workflows
      this.checkForStuckWorkflows();
    });
  }

  private checkForStuckWorkflows(): void {
    const now = Date.now();
    const stuckThreshold = 10 * 60 * 1000; // 10 minutes

    for (const [executionId, metrics] of this.activeExecutions) {
      const runtime = now - metrics.startTime.getTime();

      if (runtime > stuckThreshold && metrics.percentage < 100) {
        console.warn(`Workflow execution ${executionId} appears stuck`, {
          workflowId: metrics.workflowId,
          runtime: runtime,
          currentStep: metrics.currentStep,
          progress: metrics.percentage,
        });

        // Implement stuck workflow recovery
        this.handleStuckWorkflow(executionId, metrics);
      }
    }
  }

  getExecutionMetrics(executionId: string): ExecutionMetrics | undefined {
    return this.activeExecutions.get(executionId);
  }

  getAllActiveExecutions(): ExecutionMetrics[] {
    return Array.from(this.activeExecutions.values());
  }

  private sendProgressUpdate(progress: WorkflowProgress): void {
    this.dashboard.push(progress);
  }

  private handleStuckWorkflow(executionId: string, { currentStep }: ExecutionMetrics): void {
    if (this.cancelled.has(executionId)) return;
    this.cancelled.add(executionId);
    void this.orchestrator.cancelRun(executionId, `stuck in ${currentStep}`);
  }
}

describe('WorkflowMonitor', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  const workflow = new WorkflowBuilder('Nightly')
    .description('Loads and reports')
    .step('load', { action: 'load' })
    .step('report', { action: 'report' })
    .build();

  /** The time of day is that of the mesh. */
  async function open() {
    const mesh = await TestMesh.start();
    vi.spyOn(Date, 'now').mockImplementation(() => mesh.clock.now());
    const warnings: unknown[] = [];
    vi.spyOn(console, 'warn').mockImplementation((...line: unknown[]) => void warnings.push(line));
    return { mesh, warnings, monitor: new WorkflowMonitor(mesh.orchestrator) };
  }

  test('follows a run to 100 percent and keeps what it saw last', async () => {
    const { mesh, warnings, monitor } = await open();
    await using _ = mesh;
    mesh
      .agent('worker')
      .setResponse('load', 1)
      .setDelay('load', '4m')
      .setResponse('report', 2)
      .setDelay('report', '4m');
    const run = await mesh.startWorkflow(workflow);
    await mesh.advance('1m');
    expect(monitor.getExecutionMetrics(run.id)).toMatchObject({
      workflowId: 'Nightly',
      currentStep: 'load',
      completedSteps: 0,
      totalSteps: 2,
      percentage: 0,
    });
    await mesh.advance('4m');
    expect(monitor.getAllActiveExecutions()).toMatchObject([
      { currentStep: 'report', completedSteps: 1, percentage: 50 },
    ]);
    await mesh.advance('4m');
    await run.result();
    expect(monitor.getExecutionMetrics(run.id)).toMatchObject({ completedSteps: 2, percentage: 100 });
    const told = monitor.dashboard.map(({ percentage }) => percentage);
    expect(told).toEqual(told.toSorted((a, b) => a - b));
    expect(told.at(-1)).toBe(100);
    expect(warnings).toEqual([]);
  });

  test('a run that is at work for ten minutes is called stuck in its step and cancelled; the seed calls it so after its end, too', async () => {
    const { mesh, warnings } = await open();
    await using _ = mesh;
    mesh.agent('worker').setResponse('load', async (_input, ctx) => {
      for (let minute = 1; minute <= 30; minute++) {
        await mesh.sleep('1m', ctx.signal);
        ctx.progress(minute / 100, `${minute} of 100`);
      }
      return null;
    });
    const run = await mesh.startWorkflow(workflow);
    await mesh.advance('10m');
    expect(warnings).toEqual([]);
    await mesh.advance('5m');
    // The word of minute ten comes with the next report of the agent.
    expect(warnings[0]).toEqual([
      `Workflow execution ${run.id} appears stuck`,
      { workflowId: 'Nightly', runtime: 10 * 60_000 + 100, currentStep: 'load', progress: 5 },
    ]);
    expect(run.journal().filter(({ type }) => type === 'CancelRequested')).toHaveLength(1);
    // It keeps what ended short of 100 percent, so the last change of the run is a warning, too.
    expect(warnings.at(-1)).toMatchObject([expect.any(String), { currentStep: undefined, progress: 99 }]);
    expect((await run.result()).status).toBe('CANCELLED');
    expect(run).toHaveHistory(['load#1 CANCELLED']);
  });
});
