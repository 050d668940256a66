import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const TESTS = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(TESTS, '..', 'docs', 'guarantees.md'), 'utf8');
const rows = [...page.matchAll(/^\| .+ \| \[(.+)\]\(\.\.\/test\/.+\) \| (.+) \|$/gm)];

test('every promise of docs/guarantees.md names a test that exists', () => {
  const missing = rows.filter(([, file = '', name = '']) => {
    const path = join(TESTS, file);
    return !existsSync(path) || !readFileSync(path, 'utf8').replaceAll('\\', '').includes(name);
  });
  expect(missing.map(([, file, name]) => `${file}: ${name}`)).toEqual([]);
  expect(rows.length).toBeGreaterThan(30);
});
