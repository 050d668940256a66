/**
 * The seed, "Secure Parameter Handling". Its class runs as it is. What it cannot do is keep values out of what is stored, so its
 * `SecretsManager` hands out references here, which the control plane replaces for the agent alone.
 */
import { expect, test } from 'vitest';
import { MultiAgentOrchestrator, WorkflowBuilder, type WorkflowResult, WorkflowStatus } from 'yardmaster';
import { z } from 'zod';

interface SecretsManager {
  getSecret(name: string): Promise<string>;
}

class SecureWorkflowExecutor {
  private secretsManager: SecretsManager;

  constructor(secretsManager: SecretsManager) {
    this.secretsManager = secretsManager;
  }

  async executeWorkflowSecurely(
    orchestrator: MultiAgentOrchestrator,
    workflowId: string,
    parameters: Record<string, unknown>,
  ): Promise<WorkflowResult> {
    // Sanitize and validate parameters
    const sanitizedParameters = this.sanitizeParameters(parameters);

    // Inject secrets securely
    const parametersWithSecrets = await this.injectSecrets(sanitizedParameters);

    try {
      return await orchestrator.executeWorkflow(workflowId, parametersWithSecrets);
    } finally {
      // Clear sensitive data from memory
      this.clearSensitiveData(parametersWithSecrets);
    }
  }

  private sanitizeParameters(parameters: Record<string, unknown>): Record<string, unknown> {
    // Remove potentially dangerous parameters
    const sanitized = { ...parameters };
    // biome-ignore lint/suspicious/noProto: as the seed has it
    delete sanitized.__proto__;
    // The compiler wants a member that may be absent; the seed's line has no cast.
    delete (sanitized as { constructor?: unknown }).constructor;

    // Validate parameter types and values
    for (const [key, value] of Object.entries(sanitized)) {
      if (typeof value === 'string') {
        // Prevent injection attacks
        sanitized[key] = value.replace(/[<>'"]/g, '');
      }
    }

    return sanitized;
  }

  private async injectSecrets(parameters: Record<string, unknown>): Promise<Record<string, unknown>> {
    const result = { ...parameters };

    // Replace secret references with actual values
    for (const [key, value] of Object.entries(result)) {
      if (typeof value === 'string' && value.startsWith('secret:')) {
        const secretName = value.substring(7);
        result[key] = await this.secretsManager.getSecret(secretName);
      }
    }

    return result;
  }

  private clearSensitiveData(parameters: Record<string, unknown>): void {
    // Clear sensitive data from memory
    for (const key of Object.keys(parameters)) {
      if (
        key.toLowerCase().includes('password') ||
        key.toLowerCase().includes('token') ||
        key.toLowerCase().includes('secret')
      ) {
        delete parameters[key];
      }
    }
  }
}

const VALUE = 'hunter2-hunter2';
const secret = z.string().meta({ secret: true });

const workflow = new WorkflowBuilder('LoadTable')
  .description('Loads a table with a password that is stored nowhere')
  .secrets('DB_PASSWORD')
  .params(z.object({ table: z.string(), password: secret }))
  .timeout('1m')
  .step('load', { action: 'load', parameters: { table: '${{ params.table }}', password: '${{ params.password }}' } })
  .output('steps.load.output')
  .build();

async function start(inputs: unknown[]): Promise<MultiAgentOrchestrator> {
  const orchestrator = new MultiAgentOrchestrator({ secrets: { DB_PASSWORD: VALUE } });
  const load = (input: { readonly table: string; readonly password: string }): object => {
    inputs.push(input);
    return { loaded: input.table, with: input.password };
  };
  await orchestrator.registerAgent({ id: 'loader', handlers: { load } });
  await orchestrator.registerWorkflow(workflow);
  return orchestrator;
}

test('the class of the seed runs, and the agent alone gets the value', async () => {
  const inputs: unknown[] = [];
  await using orchestrator = await start(inputs);
  const executor = new SecureWorkflowExecutor({ getSecret: async (name) => `secret:${name}` });
  const parameters = { table: '<orders>', password: 'secret:DB_PASSWORD' };
  const result = await executor.executeWorkflowSecurely(orchestrator, 'LoadTable', parameters);
  expect(result.status).toBe(WorkflowStatus.COMPLETED);
  expect(inputs).toEqual([{ table: 'orders', password: VALUE }]);
  expect(result.output).toEqual({ loaded: 'orders', with: '[secret DB_PASSWORD]' });
  const kept = JSON.stringify(await orchestrator.getRun(result.runId, { values: true }));
  expect(kept).toContain('secret:DB_PASSWORD');
  expect(kept).not.toContain(VALUE);
});

test('without the class it is one call', async () => {
  const inputs: unknown[] = [];
  await using orchestrator = await start(inputs);
  const result = await orchestrator.executeWorkflow(workflow, { table: 'orders', password: 'secret:DB_PASSWORD' });
  expect(result.status).toBe(WorkflowStatus.COMPLETED);
  expect(inputs).toEqual([{ table: 'orders', password: VALUE }]);
});

test('a manager that hands out values is refused before anything is stored', async () => {
  await using orchestrator = await start([]);
  const executor = new SecureWorkflowExecutor({ getSecret: async () => VALUE });
  const started = executor.executeWorkflowSecurely(orchestrator, 'LoadTable', {
    table: 'orders',
    password: 'secret:DB_PASSWORD',
  });
  await expect(started).rejects.toMatchObject({ code: 'PARAMETERS_INVALID' });
  await expect(started).rejects.not.toMatchObject({ message: expect.stringContaining(VALUE) });
  expect(await orchestrator.listRuns()).toEqual([]);
});
