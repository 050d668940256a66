/**
 * The seed, "Agent Management". Where it says that an agent's status is `error`, this mesh says which: MISSING (never seen),
 * UNREACHABLE (cut off, may come back) or LOST (did not).
 */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Agent, type AgentView as IAgent, MultiAgentOrchestrator, WorkflowBuilder } from 'yardmaster';
import type { MultiAgentOrchestrator as MeshClient } from 'yardmaster/client';
import { type MockAgent, TestMesh } from 'yardmaster/testing';

class AgentManager {
  private orchestrator: MultiAgentOrchestrator;

  constructor(orchestrator: MultiAgentOrchestrator) {
    this.orchestrator = orchestrator;
  }

  async initializeAgents(): Promise<void> {
    // Register agents in dependency order
    const coreAgents = [
      { id: 'logger', name: 'Logging Agent' },
      { id: 'monitor', name: 'Monitoring Agent' },
      { id: 'config-manager', name: 'Configuration Manager' },
    ];

    const businessAgents = [
      { id: 'data-processor', name: 'Data Processing Agent' },
      { id: 'report-generator', name: 'Report Generator' },
      { id: 'notification-sender', name: 'Notification Sender' },
    ];

    // Register core agents first
    for (const agent of coreAgents) {
      await this.orchestrator.registerAgent({
        ...agent,
        status: 'idle',
      });
    }

    // Then register business agents
    for (const agent of businessAgents) {
      await this.orchestrator.registerAgent({
        ...agent,
        status: 'idle',
      });
    }
  }

  async healthCheck(): Promise<boolean> {
    const agents = this.orchestrator.listAgents();
    return agents.every((agent) => agent.status !== 'MISSING' && agent.status !== 'LOST');
  }
}

test('AgentManager: registered agents are expected, and healthy once each has dialled in; then they work', async () => {
  await using orchestrator = new MultiAgentOrchestrator();
  const manager = new AgentManager(orchestrator);
  await manager.initializeAgents();
  expect(orchestrator.listAgents().map(({ id, name, status }) => `${id}: ${name}, ${status}`)).toEqual([
    'config-manager: Configuration Manager, MISSING',
    'data-processor: Data Processing Agent, MISSING',
    'logger: Logging Agent, MISSING',
    'monitor: Monitoring Agent, MISSING',
    'notification-sender: Notification Sender, MISSING',
    'report-generator: Report Generator, MISSING',
  ]);
  expect(await manager.healthCheck()).toBe(false);

  const url = await orchestrator.url();
  const agents = orchestrator.listAgents().map(({ id }) => {
    const agent = new Agent({ id, url });
    agent.handle('introduce', () => ({ id }));
    return agent;
  });
  await Promise.all(agents.map((agent) => agent.start()));
  await expect.poll(() => manager.healthCheck()).toBe(true);
  expect(orchestrator.getAgent('logger')).toMatchObject({ id: 'logger', name: 'Logging Agent', status: 'READY' });

  const roundCall = new WorkflowBuilder('RoundCall')
    .description('Asks a core agent, then a business agent')
    .timeout('1m')
    .step('core', { action: 'introduce', agentId: 'logger' })
    .step('business', { action: 'introduce', agentId: 'data-processor' })
    .build();
  await orchestrator.registerWorkflow(roundCall);
  const result = await orchestrator.executeWorkflow(roundCall);
  expect(
    result.steps.map(({ stepId, agent, output, attempts }) => ({ stepId, agent, output, n: attempts.length })),
  ).toEqual([
    { stepId: 'core', agent: 'logger', output: { id: 'logger' }, n: 1 },
    { stepId: 'business', agent: 'data-processor', output: { id: 'data-processor' }, n: 1 },
  ]);
  await Promise.all(agents.map((agent) => agent.stop()));
});

test('an agent that is no longer registered is no longer expected', async () => {
  await using orchestrator = new MultiAgentOrchestrator();
  await orchestrator.registerAgent({ id: 'logger' });
  expect(orchestrator.getAgent('logger')?.status).toBe('MISSING');
  await orchestrator.unregisterAgent('logger');
  expect(orchestrator.getAgent('logger')).toBeUndefined();
  expect(orchestrator.listAgents()).toEqual([]);
});

class AgentLifecycleManager {
  private orchestrator: MeshClient;
  private healthCheckInterval: NodeJS.Timeout | null = null;
  /** Where recovery finds the agents: ours restarts them. */
  private processes: ReadonlyMap<string, MockAgent>;

  constructor(orchestrator: MeshClient, processes: ReadonlyMap<string, MockAgent>) {
    this.orchestrator = orchestrator;
    this.processes = processes;
  }

  startHealthChecks(): void {
    this.healthCheckInterval = setInterval(async () => {
      const agents = this.orchestrator.listAgents();

      for (const agent of agents) {
        try {
          // Perform health check (implementation depends on agent type)
          const isHealthy = await this.checkAgentHealth(agent);

          if (!isHealthy && agent.status !== 'LOST') {
            console.warn(`Agent ${agent.id} is unhealthy`);
            // Implement recovery logic
            await this.recoverAgent(agent);
          }
        } catch (error) {
          console.error(`Health check failed for agent ${agent.id}:`, error);
        }
      }
    }, 30000); // Check every 30 seconds
  }

  stopHealthChecks(): void {
    if (this.healthCheckInterval) {
      clearInterval(this.healthCheckInterval);
      this.healthCheckInterval = null;
    }
  }

  private async checkAgentHealth(agent: IAgent): Promise<boolean> {
    // Implementation depends on your agent architecture
    return agent.status === 'READY';
  }

  private async recoverAgent(agent: IAgent): Promise<void> {
    // Implement agent recovery logic
    console.log(`Attempting to recover agent ${agent.id}`);
    this.processes.get(agent.id)?.restart();
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test('AgentLifecycleManager: a killed agent is noticed by the next check and recovered; its step goes on at the new process', async () => {
  const said: string[] = [];
  vi.spyOn(console, 'warn').mockImplementation((line: string) => void said.push(`warn ${line}`));
  vi.spyOn(console, 'log').mockImplementation((line: string) => void said.push(`log ${line}`));
  vi.spyOn(console, 'error').mockImplementation((line: string) => void said.push(`error ${line}`));

  // The window is long, so that only the recovery can be what helps.
  await using mesh = await TestMesh.start({ lossWindowMs: 600_000 });
  const steady = mesh.agent('steady').setResponse('idle', null);
  const worker = mesh.agent('worker', { idempotent: ['process'] }).setResponse('process', { rows: 3 });
  worker.setDelay('process', '40s');
  await mesh.orchestrator.ready();
  const manager = new AgentLifecycleManager(
    mesh.orchestrator,
    new Map([steady, worker].map((agent) => [agent.id, agent])),
  );
  manager.startHealthChecks();
  const tick = async (): Promise<void> => {
    await mesh.advance('30s');
    await vi.advanceTimersByTimeAsync(30_000);
  };

  const workflow = new WorkflowBuilder('Process').step('process', { action: 'process', agentId: 'worker' }).build();
  const run = await mesh.startWorkflow(workflow);
  await tick();
  expect(said).toEqual([]);

  worker.crash();
  await tick();
  expect(said).toEqual(['warn Agent worker is unhealthy', 'log Attempting to recover agent worker']);
  await tick();
  await tick();
  expect(said).toHaveLength(2);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(run).toHaveHistory(['process#1 LOST', 'process#2 COMPLETED']);
  expect(new Set(run.history().map(({ instance }) => instance)).size).toBe(2);

  manager.stopHealthChecks();
  expect(vi.getTimerCount()).toBe(0);
  worker.crash();
  await tick();
  expect(said).toHaveLength(2);
});
