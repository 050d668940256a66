import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { createEnvSecrets } from '../../../src/control-plane/security/env-secrets.ts';
import { createFileSecrets } from '../../../src/control-plane/security/file-secrets.ts';

describe('variables', () => {
  test('are found under their prefix, and an empty one counts as absent', () => {
    const provider = createEnvSecrets('APP_', { APP_DB: 'x', DB: 'y', APP_EMPTY: '' });
    expect(['DB', 'EMPTY', 'OTHER', 'APP_DB'].map(provider.read)).toEqual(['x', undefined, undefined, undefined]);
    expect(provider.placeOf('DB')).toBe('the variable APP_DB');
  });
});

describe('files', () => {
  const root = mkdtempSync(join(tmpdir(), 'secrets-'));
  const folder = join(root, 'mounted');
  mkdirSync(join(folder, '..data'), { recursive: true });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  test('are found by their name, through the links of a mount, without the newline at their end, and nowhere else', () => {
    writeFileSync(join(root, 'OUTSIDE'), 'stolen');
    writeFileSync(join(folder, '..data', 'DB'), 'pass word\n');
    symlinkSync(join('..data', 'DB'), join(folder, 'DB'));
    writeFileSync(join(folder, 'TWO'), 'a\n\n');
    writeFileSync(join(folder, 'EMPTY'), '\n');
    mkdirSync(join(folder, 'FOLDER'));
    const provider = createFileSecrets(folder);
    expect(['DB', 'TWO'].map(provider.read)).toEqual(['pass word', 'a\n']);
    for (const name of ['EMPTY', 'FOLDER', 'NONE', '../OUTSIDE', '..data/DB', '..', '', join(root, 'OUTSIDE'), 'DB\0'])
      expect(provider.read(name), name).toBeUndefined();
    writeFileSync(join(folder, 'TWO'), 'rotated');
    expect(provider.read('TWO')).toBe('rotated');
    writeFileSync(join(folder, 'BINARY'), Uint8Array.of(0xff, 0xfe));
    writeFileSync(join(folder, 'LARGE'), 'x'.repeat(65 * 1024));
    expect(() => provider.read('BINARY')).toThrow();
    expect(() => provider.read('LARGE')).toThrow(/65536|bytes/);
  });
});
