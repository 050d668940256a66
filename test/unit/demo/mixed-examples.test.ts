/** What `demo --languages` needs before it starts anything. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { YardmasterError } from '../../../src/core/errors.ts';
import { findExamples } from '../../../src/demo/mixed-examples.ts';

const ROOT = join(import.meta.dirname, '../../..');

function refusalOf(languages: readonly string[], root: string, path: string): YardmasterError {
  try {
    findExamples(languages, root, path);
  } catch (error) {
    if (error instanceof YardmasterError) return error;
  }
  throw new Error('nothing was refused');
}

test('everything that is missing is named at once, with what to install', () => {
  const { code, problems } = refusalOf(['go', 'cobol', 'typescript', 'python'], ROOT, '/nowhere');
  expect(code).toBe('LANGUAGE_UNAVAILABLE');
  expect(problems.map(({ message }) => message)).toEqual([
    'go is built with "go" and "npx", not found in PATH',
    'there is no example agent in "cobol"',
    'python is built with "python3", not found in PATH',
  ]);
  expect(problems.map(({ next }) => next)).toEqual([
    'install Go 1.26 or newer, and npm',
    undefined,
    'install Python 3.10 or newer, with its venv module',
  ]);
  expect(problems[1]?.hint).toMatch(/^there is one in typescript, python, go/);
});

test('a package without examples says where they are', () => {
  const folder = mkdtempSync(join(tmpdir(), 'yardmaster-test-'));
  const refusal = refusalOf(['go'], folder, '/nowhere');
  rmSync(folder, { recursive: true });
  expect(refusal).toMatchObject({
    code: 'LANGUAGE_UNAVAILABLE',
    message: 'Cannot run agents in other languages: the package has no examples',
    next: 'run it in a checkout of the repository',
  });
});

test('the commands are those of the README, and what is built stays out of the sources', () => {
  const folder = mkdtempSync(join(tmpdir(), 'yardmaster-test-'));
  writeFileSync(join(folder, 'python3'), '', { mode: 0o755 });
  const [typescript, python] = findExamples(['typescript', 'python'], ROOT, folder);
  rmSync(folder, { recursive: true });
  expect(typescript).toMatchObject({ agentId: 'example-typescript', prepare: [] });
  expect(typescript?.start).toMatch(/ example\.ts$/);
  expect(python?.prepare).toHaveLength(2);
  expect(python).toMatchObject({
    agentId: 'example-python',
    start: '.venv/bin/python agent.py',
    folder: join(ROOT, '.tmp/languages/examples/agents/python'),
  });
});
