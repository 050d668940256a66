/** `yardmaster demo --languages` with every language that has an example: one workflow, an agent of each language killed on the way. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { LanguagesResult } from '../../../src/demo/result.ts';
import { root } from '../../docs/shell.ts';
import { LANGUAGES } from './languages.ts';

const ALL = ['typescript', ...LANGUAGES];

test('a workflow on agents in all languages completes although one of each is killed at its work', () => {
  const args = ['--conditions=source', join(root, 'src/cli/main.ts'), 'demo', '--json', '--languages', ALL.join(',')];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  const result: LanguagesResult = JSON.parse(stdout);
  expect(result.faults).toBeUndefined();
  expect(result).toMatchObject({ ok: true, run: { status: 'COMPLETED' } });
  expect(result.languages.map(({ language }) => language)).toEqual(ALL);
  for (const { language, killed, rerouted } of result.languages) {
    expect(killed).toMatchObject({ agent: language, step: `count-${language}`, attempt: 1 });
    expect(rerouted).toMatchObject({ step: `count-${language}`, attempt: 2, fromInstance: killed?.instance });
    expect(rerouted?.toInstance).not.toBe(killed?.instance);
    expect(isAlive(killed?.pid ?? 0)).toBe(false);
  }
  const history = result.steps.flatMap(({ path, attempts }) =>
    attempts.map(({ number, outcome, agent }) => `${path}#${number} ${outcome} ${agent}`),
  );
  // The first and the last step go to whoever is free.
  expect(history.slice(1, -1)).toEqual([
    ...ALL.map((name) => `digest-${name}#1 COMPLETED example-${name}`),
    ...ALL.flatMap((name) => [`count-${name}#1 LOST example-${name}`, `count-${name}#2 COMPLETED example-${name}`]),
    ...ALL.flatMap((name) => [
      expect.stringMatching(new RegExp(`fail-${name}#1 FAILED example-${name}$`)),
      expect.stringMatching(new RegExp(`fail-${name}#2 COMPLETED example-${name}$`)),
    ]),
  ]);
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
