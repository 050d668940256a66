/** The whole conformance kit: the TypeScript agent as a process passes it, and each planted bug is found with its clause. */
import { describe, expect, test } from 'vitest';
import { launchProcess, playAll, situations } from '../../src/conformance/index.ts';
import { bugs } from '../integration/conformance/bugs.ts';
import { launchInProcess } from '../integration/conformance/in-process.ts';

const AGENT = [process.execPath, '--conditions=source', 'examples/agents/typescript/example.ts'];
const MINUTES = 60_000;

test('the TypeScript agent passes every situation', { timeout: 20 * MINUTES }, async () => {
  const outcomes = await playAll(situations, { launch: launchProcess(AGENT), jobs: 4, patience: 5 });
  const failures = outcomes.filter(({ verdict }) => verdict !== 'pass');
  expect(failures).toEqual([]);
  expect(outcomes.length).toBe(situations.length);
});

describe('an agent that', () => {
  test.for(bugs.map((bug) => [bug.name, bug] as const))('%s is told which clause it breaks', async ([, bug]) => {
    const chosen = situations.filter(({ name }) => name === bug.situation);
    expect(chosen.length).toBe(1);
    const [outcome] = await playAll(chosen, { launch: launchInProcess(bug.plant), jobs: 1, patience: 3 });
    expect(outcome).toMatchObject({ verdict: 'fail', broken: expect.arrayContaining([bug.clause]) });
  });
});

test('without a bug the same agent passes the same situations', { timeout: 10 * MINUTES }, async () => {
  const chosen = situations.filter(({ name }) => bugs.some(({ situation }) => situation === name));
  const outcomes = await playAll(chosen, { launch: launchInProcess(), jobs: 4, patience: 5 });
  expect(outcomes.filter(({ verdict }) => verdict !== 'pass')).toEqual([]);
});
