/** Each limit of a file that the program reads: the last that is taken, and the first that is refused. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadConfig } from '../../../src/control-plane/config/load-config.ts';
import { variableOf } from '../../../src/control-plane/config/settings.ts';
import { createFileSecrets } from '../../../src/control-plane/security/file-secrets.ts';
import { limits } from '../../../src/core/limits.ts';

const folder = mkdtempSync(join(tmpdir(), 'yardmaster-limits-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a file of settings has at most so many bytes', () => {
  const file = join(folder, 'yardmaster.yaml');
  const load = (bytes: number) => {
    const start = 'log: { level: warn }\n#';
    writeFileSync(file, `${start}${'x'.repeat(bytes - start.length)}`);
    return loadConfig({ file });
  };
  expect(load(limits.configFileBytesMax).log.level).toBe('warn');
  expect(() => load(limits.configFileBytesMax + 1)).toThrow('is over 1 MiB');
});

test('a file with a secret has at most so many bytes', () => {
  const provider = createFileSecrets(folder);
  writeFileSync(join(folder, 'FITS'), 'x'.repeat(limits.secretFileBytesMax));
  writeFileSync(join(folder, 'LARGE'), 'x'.repeat(limits.secretFileBytesMax + 1));
  expect(provider.read('FITS')).toHaveLength(limits.secretFileBytesMax);
  expect(() => provider.read('LARGE')).toThrow('it has 65537 bytes, at most 65536');
});

test.each([
  ['listen.port', '0', '-1'],
  ['listen.port', '65535', '65536'],
  ['lossWindow', '1s', '999ms'],
  ['beatInterval', '100ms', '99ms'],
  ['stopGrace', '1m', '60001ms'],
  ['stuck.idle', '1s', '999ms'],
  ['stuck.overdueFactor', '1', '0.99'],
  ['stuck.overdueFactor', '0', '-1'],
  ['retention', '36500d', '36501d'],
])('the setting %s may be %s and not %s', (path, taken, refused) => {
  const load = (value: string) => loadConfig({ env: { [variableOf(path)]: value } });
  expect(() => load(taken)).not.toThrow();
  expect(() => load(refused)).toThrow(path);
});
