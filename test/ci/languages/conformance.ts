/** The whole conformance kit, for the example agent of one language. */
import { expect, test } from 'vitest';
import { launchProcess, playAll, situations } from '../../../src/conformance/index.ts';
import { commandsOf, folderOf, type Language } from './languages.ts';

const MINUTES = 60_000;

export function testConformance(language: Language): void {
  test(`the agent in ${language} passes every situation`, { timeout: 20 * MINUTES }, async () => {
    // The agent takes the place of the shell, so that it hears the signals.
    const launch = launchProcess(['sh', '-c', `cd '${folderOf(language)}' && exec ${commandsOf(language).start}`]);
    const outcomes = await playAll(situations, { launch, jobs: 2, patience: 4 });
    expect(outcomes.filter(({ verdict }) => verdict !== 'pass')).toEqual([]);
    expect(outcomes.length).toBe(situations.length);
  });
}
