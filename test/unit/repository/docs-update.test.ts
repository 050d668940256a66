/** `npm run docs:update` on pages of its own. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { root } from '../../docs/shell.ts';

const FOLDER = '.tmp/docs-update';

afterAll(() => rmSync(join(root, FOLDER), { recursive: true, force: true }));

/** What became of a page, and what was said of it. */
function update(name: string, page: string) {
  mkdirSync(join(root, FOLDER), { recursive: true });
  const document = `${FOLDER}/${name}.md`;
  writeFileSync(join(root, document), page);
  const args = ['--conditions=source', 'test/docs/update.ts', document];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  return { status, said: `${stdout}${stderr}`, page: readFileSync(join(root, document), 'utf8') };
}

const page = (first: string, second: string, third: string): string =>
  ['```sh run', first, '```', '', '```text out', second, '```', '', '```sh run', third, '```', ''].join('\n');

test('what a block prints is written below it', () => {
  const { status, said, page: written } = update('good', page('echo new', 'old', 'true'));
  expect([status, written]).toEqual([0, page('echo new', 'new', 'true')]);
  expect(said).toBe(`${FOLDER}/good.md: wrote lines 5\n`);
});

test('a page with a block that fails stays as it is, and every such block is told', () => {
  const bad = page('no-such-command', 'what it printed once', 'exit 3');
  const { status, said, page: written } = update('bad', bad);
  expect([status, written]).toEqual([1, bad]);
  expect(said).toMatch(/bad\.md:1: .*ended with 127[\s\S]*bad\.md:9: .*ended with 3/);
  expect(said).toContain(`${FOLDER}/bad.md: nothing was written, since 2 of its blocks do not do what they say`);
});
