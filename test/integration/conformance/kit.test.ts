/** The conformance kit on the example agent in this process: that it passes, and that a bug does not. The rest is in test/ci. */
import { expect, test } from 'vitest';
import { playAll, situations } from '../../../src/conformance/index.ts';
import { bugs } from './bugs.ts';
import { launchInProcess } from './in-process.ts';

const CHEAP = ['hello-fields', 'echo', 'slots', 'stop', 'unacked-result', 'go-away-address', 'sigterm', 'blob-output'];
/** The machine is busy with other things. */
const patience = 10;

test('the example agent passes what is cheap to play', { timeout: 120_000 }, async () => {
  const chosen = situations.filter(({ name }) => CHEAP.includes(name));
  const outcomes = await playAll(chosen, { launch: launchInProcess(), jobs: 8, patience });
  expect(outcomes.map(({ name, verdict }) => `${name} ${verdict}`)).toEqual(chosen.map(({ name }) => `${name} pass`));
});

test('a bug fails, with its clause, what was expected, what came and the last frames', {
  timeout: 120_000,
}, async () => {
  const planted = bugs.find(({ name }) => name === 'gives a second, different result');
  const [outcome] = await playAll(
    situations.filter(({ name }) => name === planted?.situation),
    { launch: launchInProcess(planted?.plant), jobs: 1, patience },
  );
  expect(outcome).toMatchObject({
    verdict: 'fail',
    broken: ['R-1'],
    came: expect.stringMatching(/^a second, different one: .* CANCELLED;$/),
  });
  const frames = outcome?.verdict === 'fail' ? outcome.frames.join('\n') : '';
  expect(frames).toMatch(/<- Dispatch start .*step-1#1 echo[\s\S]*-> Report .*COMPLETED[\s\S]*-> Report .*CANCELLED/);
});
