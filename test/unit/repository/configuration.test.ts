/** docs/configuration.md and examples/yardmaster.yaml are generated (`npm run check`); here: what they say is so. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadConfig } from '../../../src/control-plane/config/load-config.ts';
import { settingPaths } from '../../../src/control-plane/config/settings.ts';
import { runCommand } from '../cli/capture.ts';

const EXAMPLE = 'examples/yardmaster.yaml';
const page = readFileSync('docs/configuration.md', 'utf8');

interface Row {
  readonly path: string;
  readonly flag: string;
  readonly variable: string;
  readonly value: string;
}

const rows = [...page.matchAll(/^\| `([\w.]+)` \|(?: `(.+?)`)? \| `(YARDMASTER_\w+)` \| `(.+?)` \|/gm)].map(
  ([, path = '', flag = '', variable = '', value = '']): Row => ({ path, flag, variable, value }),
);

test('docs/configuration.md lists every setting and no other', () => {
  expect(rows.map(({ path }) => path)).toEqual(settingPaths);
});

test('the defaults of the page, given as variables, are the defaults', () => {
  const env = Object.fromEntries(rows.map(({ variable, value }) => [variable, value === '""' ? '' : value]));
  expect(loadConfig({ env })).toEqual(loadConfig());
});

test('the flags of the page are those of serve', async () => {
  const { out } = await runCommand(['serve', '--help']);
  const [own = ''] = out.split('Global Options:');
  const flags = [...own.matchAll(/^ +(--[a-z-]+)/gm)].map(([, flag]) => flag);
  const documented = rows.filter(({ flag }) => flag !== '').map(({ flag }) => flag.replace(/ .*/, ''));
  expect(new Set(flags)).toEqual(new Set(['--config', ...documented]));
});

test('the example file has every setting, and reads as the defaults', () => {
  expect(loadConfig({ file: EXAMPLE })).toEqual(loadConfig());
  const keys = readFileSync(EXAMPLE, 'utf8').match(/^ *\w+: \S/gm) ?? [];
  expect(keys).toHaveLength(settingPaths.length);
});
