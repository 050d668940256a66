/** What users get: the packed package, in an empty folder outside of the repository. Needs the registry for its dependencies. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DemoResult } from '../../src/demo/result.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BIN = join(ROOT, 'bin', 'yardmaster.cjs');

let folder: string;
let tarball: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'yardmaster-tarball-'));
  mkdirSync(join(folder, 'empty'));
  const packed = spawnSync('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: ROOT });
  expect(packed.status, `${packed.stderr}`).toBe(0);
  tarball = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '');
});
afterAll(() => rmSync(folder, { recursive: true }));

test('the demo runs from the tarball through npx, and leaves nothing in the folder', () => {
  const args = ['-y', '-p', 'node@26.10.0', '-p', tarball, 'yardmaster', 'demo', '--json'];
  const PATH = [dirname(process.execPath), process.env.PATH ?? ''].join(delimiter);
  const { status, stdout, stderr } = spawnSync('npx', args, {
    cwd: join(folder, 'empty'),
    env: { ...process.env, PATH },
  });
  expect(status, `${stderr}`).toBe(0);
  const result: DemoResult = JSON.parse(`${stdout}`);
  expect(result).toMatchObject({ ok: true, rows: { in: 13_376, clean: 9_976, out: 9_976 }, notifications: 1 });
  expect(readdirSync(join(folder, 'empty'))).toEqual([]);
});

test('an older Node prints the command that works, and nothing else happens', () => {
  const old = join(folder, 'old.cjs');
  // The entry looks at nothing but the version before it decides.
  writeFileSync(old, "Object.defineProperty(process, 'version', { value: 'v20.20.2' });");
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--require', old, BIN, 'demo', '--keep'], {
    encoding: 'utf8',
  });
  expect(status).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toContain('Node v20.20.2 is too old');
});

test('the tarball carries its data with sources and licences, and names no machine', () => {
  const listing = spawnSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).stdout.split('\n');
  for (const name of ['birdstrikes.csv.gz', 'airports.csv.gz', 'NOTICE.md'])
    expect(listing).toContain(`package/dist/demo/data/${name}`);
  expect(listing).toContain('package/dist/examples/agents/typescript/pages/uplot.LICENSE');
  expect(readFileSync(join(ROOT, 'src/demo/data/NOTICE.md'), 'utf8')).toMatch(/FAA[\s\S]*U\.S\. Government/);
});
