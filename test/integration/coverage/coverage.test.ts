/** Every block, in every form that it can be written in, in every situation: the same history each time. docs/coverage.md is the list. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { TestMesh } from '../../../src/testing/index.ts';
import { blocks } from '../../../src/workflow/schema.ts';
import { cellName, forms, isOutcome, situations, testName } from './entry.ts';
import { historyOf, historyOfOthers, playSituation, registerForm } from './play.ts';
import { table } from './table.ts';

const cells = table.flatMap((entry) =>
  forms.flatMap((form) => situations.map((situation) => ({ entry, form, situation }))),
);

for (const { entry, form, situation } of cells) {
  const outcome = entry.situations[situation];
  if (!isOutcome(outcome)) continue;
  test(testName(entry, form, situation), async () => {
    await using mesh = await TestMesh.start();
    await registerForm(mesh, entry, form);
    const { run, after, paused } = await playSituation(mesh, situation, outcome);
    const { status, error, steps, output } = await run.result();
    expect({ status, code: error?.code }).toEqual({ status: outcome.status, code: outcome.code });
    expect(historyOf(run.journal())).toEqual(outcome.history);
    expect(await historyOfOthers(mesh, run)).toEqual(outcome.others ?? []);
    expect(Object.fromEntries(steps.map((step) => [step.path, step.status]))).toEqual(outcome.steps);
    expect(paused).toEqual(outcome.paused);
    expect(after).toEqual(outcome.history.some((line) => line.startsWith('after#')) ? [{ got: entry.output }] : []);
    expect(output).toEqual(outcome.status === 'COMPLETED' ? entry.output : undefined);
    expect(mesh.data.tasks.size).toBe(0);
  });
}

test.each(table)('$block: the five forms are one workflow', async (entry) => {
  await using mesh = await TestMesh.start();
  const registered = [];
  for (const form of forms) registered.push(await registerForm(mesh, entry, form));
  expect(new Set(registered).size).toBe(1);
  expect(registered[0]).toMatch(/^1 [0-9a-f]{64}$/);
});

test('every block of the language is in the table', () => {
  const here = table.map(({ block }) => block);
  expect(Object.keys(blocks).filter((block) => !here.includes(block))).toEqual([]);
});

test('docs/coverage.md names exactly the tests that are here', () => {
  const page = readFileSync(fileURLToPath(new URL('../../../docs/coverage.md', import.meta.url)), 'utf8');
  const named = [...page.matchAll(/`([\w-]+\/[\w-]+\/[\w-]+)`/g)].map(([, name]) => name);
  const here = cells.filter(({ entry, situation }) => isOutcome(entry.situations[situation]));
  expect(named.toSorted()).toEqual(
    here.map(({ entry, form, situation }) => cellName(entry.block, form, situation)).toSorted(),
  );
});
