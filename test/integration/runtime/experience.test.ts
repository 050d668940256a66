/** The example of design/experience.md section 2, as written. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { WorkflowStatus } from '../../../src/client/index.ts';
import { capability } from '../../../src/core/capability.ts';
import { TestMesh } from '../../../src/testing/index.ts';
import { cel, WorkflowBuilder } from '../../../src/workflow/builder/index.ts';

const Row = z.object({ id: z.int() });
const extract = capability('extract', {
  input: z.object({ table: z.string() }),
  output: z.object({ rows: z.array(Row), bytes: z.int() }),
  idempotent: true,
});
const clean = capability('clean', { input: z.object({ rows: z.array(Row) }), output: z.object({ kept: z.int() }) });

const nightly = new WorkflowBuilder('Nightly')
  .description('Copy a table every night')
  .params(z.object({ table: z.string() }))
  .step('extract', { action: extract, parameters: ({ params }) => ({ table: params.table }) })
  .step('clean', {
    action: clean,
    retries: 2,
    timeout: '1m',
    when: ({ steps }) => cel<boolean>`${steps.extract.output.bytes} > 0`,
    parameters: ({ steps }) => ({ rows: steps.extract.output.rows }),
  })
  .output(({ steps }) => ({ kept: steps.clean.output.kept }))
  .build();

test('moves to another agent', async () => {
  await using mesh = await TestMesh.start(); // real engine, virtual clock, no port
  const [first, second] = mesh.agents('db-extractor', 2);
  first.crashOn(extract);
  second.setResponse(extract, { rows: [], bytes: 12 }); // typed
  mesh.agent('cleaner').setResponse(clean, { kept: 0 });
  const run = await mesh.startWorkflow(nightly, { table: 't' });
  await mesh.advance('24h');
  expect((await run.result()).status).toBe(WorkflowStatus.COMPLETED);
  expect(run).toHaveHistory(['extract#1 LOST', 'extract#2 COMPLETED', 'clean#1 COMPLETED']);
});
