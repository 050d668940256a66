import { expect, test } from 'vitest';
import { checkTypes } from './type-check.ts';

test('a typo in a step id is a short TS2551 that names the right one', { timeout: 60_000 }, async () => {
  const { errors, instantiations } = await checkTypes(`
export const typo = new WorkflowBuilder('Typo')
  .step('extract', { action: extract, parameters: { table: 'orders' } })
  .step('clean', { action: clean, parameters: ({ steps }) => ({ rows: steps.extrct.output.rows }) });`);
  expect(instantiations).toBeGreaterThan(0);
  expect(errors).toEqual([
    expect.stringMatching(
      /error TS2551: Property 'extrct' does not exist on type '\{ readonly extract: .* Did you mean 'extract'\?/,
    ),
  ]);
});

test('200 typed steps stay under a million type instantiations', { timeout: 60_000 }, async () => {
  const { errors, instantiations } = await checkTypes(chainOf(200));
  expect(errors).toEqual([]);
  expect(instantiations).toBeGreaterThan(0);
  expect(instantiations).toBeLessThan(1_000_000);
});

test('30 conditions and switches with typed branches stay under a million type instantiations', {
  timeout: 60_000,
}, async () => {
  const { errors, instantiations } = await checkTypes(branchesOf(15));
  expect(errors).toEqual([]);
  expect(instantiations).toBeGreaterThan(0);
  expect(instantiations).toBeLessThan(1_000_000);
});

test('20 conditions with loops in rows of callbacks stay under a million type instantiations', {
  timeout: 60_000,
}, async () => {
  const { errors, instantiations } = await checkTypes(rowsOf(20));
  expect(errors).toEqual([]);
  expect(instantiations).toBeGreaterThan(0);
  expect(instantiations).toBeLessThan(1_000_000);
});

/** Each condition reads what the one before it gave, in a loop of its own. */
function rowsOf(length: number): string {
  const lines = [
    "export const rows = new WorkflowBuilder('Rows')",
    "  .step('c0', { action: clean, parameters: { rows: [] } })",
  ];
  for (let i = 1; i <= length; i++) {
    lines.push(`  .condition('c${i}', {
    if: ({ steps }) => cel<boolean>\`\${steps.c${i - 1}.output.kept} > ${i}\`,
    then: (row) => row
      .step('e${i}', { action: extract, parameters: ({ steps }) => ({ table: 'a', limit: steps.c${i - 1}.output.kept }) })
      .loop('l${i}', {
        until: 'true',
        maxIterations: 3,
        body: (body) => body.step('b${i}', { action: clean, parameters: ({ steps }) => ({ rows: steps.e${i}.output.rows }) }),
      }),
    else: (row) => row.step('f${i}', { action: clean, parameters: { rows: [] } }),
  })`);
  }
  lines.push(`  .output(({ steps }) => ({ kept: steps.c${length}.output.kept }))`, '  .build();');
  return lines.join('\n');
}

/** Each pair of a condition and a switch reads what the pair before it gave. */
function branchesOf(length: number): string {
  const lines = [
    "export const branches = new WorkflowBuilder('Branches')",
    "  .step('e0', { action: extract, parameters: { table: 'a' } })",
  ];
  for (let i = 1; i <= length; i++) {
    lines.push(`  .condition('c${i}', {
    if: ({ steps }) => cel<boolean>\`\${steps.e${i - 1}.output.bytes} > ${i}\`,
    then: [
      { id: 'e${i}', action: extract, parameters: { table: 'a' } },
      { id: 't${i}', action: clean, parameters: ({ steps }) => ({ rows: steps.e${i}.output.rows }) },
    ],
    else: [{ id: 'f${i}', action: clean, parameters: ({ steps }) => ({ rows: steps.e${i - 1}.output.rows }) }],
  })
  .switch('s${i}', {
    switch: ({ steps }) => steps.e${i}.output.source,
    cases: [{ equals: 'db', steps: [{ id: 'd${i}', action: clean, parameters: ({ steps }) => ({ rows: steps.c${i}.output.rows }) }] }],
    default: [{ id: 'a${i}', action: clean, parameters: ({ steps }) => ({ rows: steps.e${i}.output.rows }) }],
  })`);
  }
  lines.push(`  .output(({ steps }) => ({ kept: steps.s${length}.output.kept }))`, '  .build();');
  return lines.join('\n');
}

/** Each step reads the one before it, the first one and the parameters of the workflow. */
function chainOf(length: number): string {
  const lines = [
    "export const chain = new WorkflowBuilder('Chain')",
    "  .step('s0', { action: extract, parameters: { table: 'a' } })",
  ];
  for (let i = 1; i < length; i++) {
    const source = i === 1 ? 's0' : `s${i - 1}`;
    lines.push(`  .step('s${i}', {
    action: clean,
    when: ({ steps }) => cel<boolean>\`\${steps.s0.output.bytes} > ${i}\`,
    parameters: ({ steps }) => ({ rows: steps.${source}.output.rows }),
  })`);
  }
  lines.push(`  .output(({ steps }) => ({ kept: steps.s${length - 1}.output.kept }))`, '  .build();');
  return lines.join('\n');
}
