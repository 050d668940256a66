import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { settingPaths } from '../../../src/control-plane/config/settings.ts';

test('docs/configuration.md lists every setting and no other', () => {
  const page = readFileSync(fileURLToPath(new URL('../../../docs/configuration.md', import.meta.url)), 'utf8');
  const listed = [...page.matchAll(/^\| `([\w.]+)` \|/gm)].map(([, path]) => path);
  expect(listed).toEqual(settingPaths);
});
