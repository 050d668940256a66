/** The seed, "Testing Strategies". Each orchestrator is also closed, because here it is a whole control plane. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MultiAgentOrchestrator, StepStatus, WorkflowBuilder, WorkflowStatus } from 'yardmaster';
import { MockAgent } from 'yardmaster/testing';
import { createDataPipelineWorkflow, setupRealAgents, TestApiServer, TestDatabase } from './pipeline.ts';

function createDataProcessingWorkflow() {
  return new WorkflowBuilder('DataProcessing')
    .description('Processes, validates and reports')
    .timeout('1m')
    .step('process-data', { agentId: 'data-processor', action: 'process' })
    .step('validate-data', {
      agentId: 'validator',
      action: 'validate',
      parameters: ({ steps }) => ({ records: steps['process-data'].output.records }),
      assert: 'output.valid',
    })
    .step('generate-report', { agentId: 'reporter', action: 'generate' })
    .build();
}

describe('DataProcessingWorkflow', () => {
  let orchestrator: MultiAgentOrchestrator;
  let mockAgents: Map<string, MockAgent>;

  beforeEach(async () => {
    orchestrator = new MultiAgentOrchestrator();
    mockAgents = new Map();

    // Register mock agents
    const agentIds = ['data-processor', 'validator', 'reporter'];
    for (const agentId of agentIds) {
      const mockAgent = new MockAgent(agentId);
      mockAgents.set(agentId, mockAgent);
      await orchestrator.registerAgent(mockAgent);
    }
  });

  afterEach(() => orchestrator.close());

  /** What reached the mocks, in their order. */
  function calls(): readonly string[] {
    return [...mockAgents.values()].flatMap((mock) =>
      mock.calls.map(({ action, attempt }) => `${mock.id} ${action} ${attempt.step}#${attempt.number}`),
    );
  }

  it('should process data successfully', async () => {
    // Arrange
    const workflow = createDataProcessingWorkflow();
    await orchestrator.registerWorkflow(workflow);

    // Configure mock responses
    mockAgents.get('data-processor')?.setResponse('process', { success: true, records: 100 });
    mockAgents.get('validator')?.setResponse('validate', { valid: true, errors: [] });
    mockAgents.get('reporter')?.setResponse('generate', { reportId: 'report-123' });

    // Act
    const result = await orchestrator.executeWorkflow(workflow.id);

    // Assert
    expect(result.status).toBe(WorkflowStatus.COMPLETED);
    expect(result.steps).toHaveLength(3);
    expect(result.steps.every((step) => step.status === StepStatus.COMPLETED)).toBe(true);
    expect(calls()).toEqual([
      'data-processor process process-data#1',
      'validator validate validate-data#1',
      'reporter generate generate-report#1',
    ]);
    expect(mockAgents.get('validator')?.calls[0]?.input).toEqual({ records: 100 });
    expect(result.steps[2]?.output).toEqual({ reportId: 'report-123' });
  });

  it('should handle validation failure', async () => {
    // Arrange
    const workflow = createDataProcessingWorkflow();
    await orchestrator.registerWorkflow(workflow);

    // Configure mock responses
    mockAgents.get('data-processor')?.setResponse('process', { success: true, records: 100 });
    mockAgents.get('validator')?.setResponse('validate', { valid: false, errors: ['Invalid format'] });

    // Act
    const result = await orchestrator.executeWorkflow(workflow.id);

    // Assert
    expect(result.status).toBe(WorkflowStatus.FAILED);
    expect(result.steps.find((s) => s.stepId === 'validate-data')?.status).toBe(StepStatus.FAILED);
    expect(result.steps.find((s) => s.stepId === 'generate-report')?.status).toBe(StepStatus.SKIPPED);
    expect(calls()).toEqual(['data-processor process process-data#1', 'validator validate validate-data#1']);
  });
});

describe('WorkflowIntegration', () => {
  let orchestrator: MultiAgentOrchestrator;
  let testDatabase: TestDatabase;
  let testApiServer: TestApiServer;

  beforeAll(async () => {
    // Set up test infrastructure
    testDatabase = new TestDatabase();
    await testDatabase.start();

    testApiServer = new TestApiServer();
    await testApiServer.start();

    // Create orchestrator with real agents
    orchestrator = new MultiAgentOrchestrator();
    await setupRealAgents(orchestrator, testDatabase, testApiServer);
  });

  afterAll(async () => {
    await orchestrator.close();
    await testDatabase.stop();
    await testApiServer.stop();
  });

  it('should execute end-to-end data pipeline', async () => {
    // Arrange
    await testDatabase.seedData('test-data.sql');
    const workflow = createDataPipelineWorkflow();
    await orchestrator.registerWorkflow(workflow);

    // Act
    const result = await orchestrator.executeWorkflow(workflow.id, {
      inputTable: 'test_input',
      outputTable: 'test_output',
    });

    // Assert
    expect(result.status).toBe(WorkflowStatus.COMPLETED);

    // Verify data was processed correctly
    const outputData = await testDatabase.query('SELECT * FROM test_output');
    expect(outputData).toHaveLength(100);

    const wanted = Array.from({ length: 100 }, (_, i) => {
      const id = i + 1;
      return { id, station: `Station ${id % 4}`, celsius: (id * 7 - 60) / 10 };
    });
    expect(outputData).toEqual(wanted);
    expect(result.output).toEqual({ written: 100 });
    // Each of the four stations was unavailable once; an attempt got as far as the next of them.
    expect(
      result.steps.map(({ stepId, agent, attempts }) => `${stepId} ${agent} ${attempts.map((a) => a.outcome)}`),
    ).toEqual([
      'read-input db-reader COMPLETED',
      'enrich api-enricher FAILED,FAILED,FAILED,FAILED,COMPLETED',
      'write-output db-writer COMPLETED',
    ]);
    expect(new Set(testApiServer.requests).size).toBe(4);
  });

  it('refuses a table name that is SQL, without another try and without a trace in the database', async () => {
    await orchestrator.registerWorkflow(createDataPipelineWorkflow());
    const result = await orchestrator.executeWorkflow('DataPipeline', {
      inputTable: 'test_input; DROP TABLE test_output',
      outputTable: 'test_output',
    });
    expect(result).toMatchObject({ status: WorkflowStatus.FAILED, error: { code: 'BAD_TABLE', step: 'read-input' } });
    expect(result.steps.map(({ attempts }) => attempts.length)).toEqual([1, 0, 0]);
    expect(await testDatabase.query('SELECT count(*) AS n FROM test_output')).toEqual([{ n: 100 }]);
  });
});
