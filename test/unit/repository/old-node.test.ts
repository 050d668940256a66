import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

/** What the entry prints when it believes that it runs on `version`. */
function runEntry(entry: string, version: string): string {
  const code = `Object.defineProperty(process, 'version', { value: '${version}' });
    process.argv = ['node', 'yardmaster', 'demo', '--json'];
    console.error = console.log;
    require(${JSON.stringify(entry)});
    process.exitCode = 0;`;
  return execFileSync(process.execPath, ['-e', code], { encoding: 'utf8' });
}

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'yardmaster-npx-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A folder as npx makes it, in which the package was asked for by `spec`. */
function installEntry(spec: string): string {
  const bin = join(folder, 'node_modules', 'yardmaster', 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ dependencies: { yardmaster: spec } }));
  copyFileSync('bin/yardmaster.cjs', join(bin, 'yardmaster.cjs'));
  return join(bin, 'yardmaster.cjs');
}

test.each(['v18.20.0', 'v22.23.0', 'v24.15.0', 'v25.9.0', 'v26.0.0'])(
  'Node %s is told which command works',
  (version) => {
    const line = runEntry(installEntry('^1.2.3'), version);
    expect(line).toBe(
      `npx -y -p node@26.10.0 -p yardmaster@^1.2.3 yardmaster demo --json  # Node ${version} is too old: yardmaster needs 24.16+ or 26.1+\n`,
    );
  },
);

test('the command names the tarball that npx was given', () => {
  const line = runEntry(installEntry('file:builds/yardmaster-1.2.3.tgz'), 'v20.20.2');
  expect(line).toContain(`-p ${join(folder, 'builds', 'yardmaster-1.2.3.tgz')} yardmaster demo --json`);
});

test('in a checkout the way out is to fetch its own Node', () => {
  expect(runEntry(join(process.cwd(), 'bin', 'yardmaster.cjs'), 'v20.20.2')).toMatch(/^npm rebuild node {2}# Node v20/);
});
