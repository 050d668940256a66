/** No example goes without a test, without a line in the list, or past lint. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runCommand } from '../../unit/cli/capture.ts';
import { exampleFiles } from './example.ts';

const FOLDER = 'examples/workflows';

test('lint has nothing to say about any example, also when warnings count', async () => {
  const { code, err, out } = await runCommand(['lint', '--strict', FOLDER]);
  expect(`${out}${err}`).toContain(`0 problems, 0 warnings in ${exampleFiles.length} files`);
  expect(code).toBe(0);
});

test('every example is started by a test', () => {
  const tests = ['test/integration/examples', 'test/unit/examples', 'test/e2e', 'test/ci']
    .flatMap((folder) => readdirSync(folder).map((name) => `${folder}/${name}`))
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => readFileSync(path, 'utf8'));
  expect(exampleFiles.filter((file) => !tests.some((text) => text.includes(file)))).toEqual([]);
});

test('every example stands in the list of the folder, and begins with what it shows', () => {
  const list = readFileSync(`${FOLDER}/README.md`, 'utf8');
  expect(exampleFiles.filter((file) => !list.includes(`](${file})`))).toEqual([]);
  const silent = exampleFiles.filter((file) => !readFileSync(`${FOLDER}/${file}`, 'utf8').startsWith('# '));
  expect(silent).toEqual([]);
});
