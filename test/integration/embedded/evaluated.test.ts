/** A process that runs a text has workers all the same, which run files. */
import { execFile } from 'node:child_process';
import { expect, test } from 'vitest';
import { workerArguments } from '../../../src/core/worker-arguments.ts';

/** Its three workers: the store's, the agent's, and that which checks parameters by a schema. */
const script = `
  import { Agent, Orchestrator } from 'yardmaster';
  const orchestrator = new Orchestrator();
  const agent = new Agent({ id: 'worker', url: await orchestrator.url() });
  agent.handle('double', ({ n }) => n * 2);
  await agent.start();
  const parameters = { type: 'object', properties: { n: { type: 'integer' } } };
  const steps = [{ id: 'double', action: 'double', parameters: '\${{ params }}' }];
  await orchestrator.registerWorkflow({ name: 'Double', parameters, steps, output: 'steps.double.output' });
  console.log((await orchestrator.executeWorkflow('Double', { n: 21 })).output);
  await agent.stop();
  await orchestrator.close();`;

test('an orchestrator and an agent work in node --input-type=module -e', async () => {
  const out = await new Promise<string>((resolve, reject) => {
    const args = ['--conditions=source', '--input-type=module', '-e', script];
    execFile(process.execPath, args, { timeout: 60_000 }, (error, stdout) => (error ? reject(error) : resolve(stdout)));
  });
  expect(out.trim()).toBe('42');
});

test.each([
  [['--conditions=source', '--enable-source-maps'], {}],
  [['--input-type=module', '--eval=x', '--conditions=source'], { execArgv: ['--conditions=source'] }],
  [['--input-type', 'module', '-p', 'x', '--no-warnings'], { execArgv: ['--no-warnings'] }],
])('of %j a worker gets %j', (execArgv, options) => {
  expect(workerArguments(execArgv)).toEqual(options);
});
