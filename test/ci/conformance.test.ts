/**
 * The conformance suite of Connect against our listener: gRPC over HTTP/2 with the clients of connect-go and grpc-go, Connect
 * and gRPC-Web over HTTP/1.1. The runner is pinned in scripts/ci; what it should pass is in conformance/config.yaml.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { mustRun, root } from '../../scripts/run-command.ts';

const folder = fileURLToPath(new URL('conformance', import.meta.url));
const knownFailing = join(folder, 'known-failing.txt');
/** Fewer would mean that the configuration leaves something out by mistake. */
const CASES_MIN = 978;
const PROTOS = ['config', 'server_compat', 'service'];

/** Where Go keeps the sources of the runner that is installed. */
function moduleFolder(): string {
  const version = execFileSync('connectconformance', ['--version'], { encoding: 'utf8' }).trim().split(' ').at(-1);
  const text = execFileSync('go', ['mod', 'download', '-json', `connectrpc.com/conformance@${version}`], {
    encoding: 'utf8',
  });
  const { Dir } = JSON.parse(text) as { readonly Dir: string };
  return Dir;
}

function filesIn(parent: string): ReadonlyMap<string, string> {
  const entries = readdirSync(parent, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name)).sort();
  return new Map(paths.map((path) => [relative(parent, path), readFileSync(path, 'utf8')]));
}

test('the code that is committed is generated from the protos of the runner', () => {
  mkdirSync(join(root, '.tmp'), { recursive: true });
  const work = mkdtempSync(join(root, '.tmp', 'conformance-'));
  try {
    const source = moduleFolder();
    const paths = PROTOS.flatMap((name) => [
      '--path',
      join(source, 'proto/connectrpc/conformance/v1', `${name}.proto`),
    ]);
    mustRun('buf', ['generate', source, '--template', join(folder, 'buf.gen.yaml'), '-o', work, ...paths]);
    expect(filesIn(join(folder, 'gen'))).toEqual(filesIn(work));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
});

test('every known failure has its reason', () => {
  const lines = readFileSync(knownFailing, 'utf8').split('\n');
  const bare = lines.filter((line, i) => /^[^#\s]/.test(line) && !lines[i - 1]?.startsWith('#'));
  expect(bare).toEqual([]);
});

test('our listener passes the suite', async () => {
  const server = [process.execPath, join(folder, 'server.ts')];
  const options = [
    '--mode',
    'server',
    '--conf',
    join(folder, 'config.yaml'),
    '--known-failing',
    `@${knownFailing}`,
    '--max-servers',
    '1',
  ];
  const { exitCode, output } = await new Promise<{ exitCode: number; output: string }>((resolve) => {
    // The runner starts a server for each protocol and waits 10 s, which a busy machine may need to compile TypeScript.
    const env = { ...process.env, NODE_COMPILE_CACHE: join(root, '.tmp', 'compile-cache') };
    execFile(
      'connectconformance',
      [...options, '--', ...server],
      { env, maxBuffer: 2 ** 26 },
      (error, stdout, stderr) => resolve({ exitCode: error === null ? 0 : 1, output: `${stdout}${stderr}` }),
    );
  });
  const summary = output.slice(output.lastIndexOf('Total cases'));
  console.log(`conformance: ${summary.trim()}`);
  expect(output).not.toContain('FAILED');
  expect(exitCode).toBe(0);
  const [, cases = '0', passed, failed] = /Total cases: (\d+)\n(\d+) passed, (\d+) failed/.exec(output) ?? [];
  expect(Number(cases)).toBeGreaterThanOrEqual(CASES_MIN);
  expect({ passed, failed }).toEqual({ passed: cases, failed: '0' });
});
