/** What a project gets that installs the package: every export with its types, nothing that only we need. Needs the registry. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TSC = join(ROOT, 'node_modules', '.bin', 'tsc');
const EXPORTS = [
  'yardmaster',
  'yardmaster/agent-sdk',
  'yardmaster/client',
  'yardmaster/control-plane',
  'yardmaster/testing',
];

const CONSUMER = `
import { cel, Orchestrator, WorkflowBuilder } from 'yardmaster';
import { Agent, capability } from 'yardmaster/agent-sdk';
import { Orchestrator as Client, type RunHandle } from 'yardmaster/client';
import { type Server, startServer } from 'yardmaster/control-plane';
import { TestMesh } from 'yardmaster/testing';
export const agent: Agent = new Agent({ id: 'a' }).handle<{ n: number }>('double', ({ n }) => ({ n: n * 2 }));
export const server: Promise<Server> = startServer({ port: 0, store: { kind: 'memory' } });
export const run: RunHandle = await new Client().startWorkflow('W');
export const all = [cel, Orchestrator, WorkflowBuilder, capability, TestMesh] as const;
// @ts-expect-error An id is text.
new Agent({ id: 5 });
`;

/** One run in one process, by what the package exports. */
const PROGRAM = `
import { Agent } from 'yardmaster/agent-sdk';
import { Orchestrator } from 'yardmaster/client';
import { startServer } from 'yardmaster/control-plane';
const server = await startServer({ port: 0, store: { kind: 'sqlite', file: process.argv[2] } });
const agent = new Agent({ id: 'worker', url: server.url }).handle('double', ({ n }) => ({ n: n * 2 }));
await agent.start();
const client = new Orchestrator({ url: server.url });
await client.registerWorkflow({ name: 'W', steps: [{ id: 'a', action: 'double', parameters: { n: 21 } }], output: '\${{ steps.a.output.n }}' });
console.log(JSON.stringify((await client.executeWorkflow('W')).output));
await agent.stop();
await client.close();
await server.stop();
`;

/** Prints every package below node_modules that loading a name loaded. */
const LOADED = `
import { registerHooks } from 'node:module';
const packages = new Set();
registerHooks({
  load(url, context, next) {
    const [, name] = /.*node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url) ?? [];
    packages.add(name ?? url);
    return next(url, context);
  },
});
await import(process.argv[2]);
console.log(JSON.stringify([...packages]));
`;

let folder: string;
let project: string;
let tarball: string;

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'yardmaster-package-')));
  project = join(folder, 'project');
  mkdirSync(project);
  mustRun('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], ROOT);
  tarball = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '');
  writeFileSync(join(project, 'package.json'), '{"private":true,"type":"module"}');
  mustRun('npm', ['install', '--no-audit', '--no-fund', '--omit=dev', tarball], project);
  for (const [name, text] of Object.entries({ 'consumer.ts': CONSUMER, 'program.js': PROGRAM, 'loaded.js': LOADED })) {
    writeFileSync(join(project, name), text);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs without what `npm test` and this repository add to the environment; answers stdout. */
function mustRun(command: string, args: readonly string[], cwd: string): string {
  const result = spawnSync(command, args, { cwd, encoding: 'utf8', env: strangersEnv() });
  expect(result.status, `${command} ${args.join(' ')}\n${result.stdout}${result.stderr}`).toBe(0);
  return result.stdout;
}

function strangersEnv(path = process.env.PATH ?? ''): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|VITEST|NODE_ENV|TEST$|INIT_CWD)/.test(name));
  return { ...Object.fromEntries(own), PATH: path };
}

function node(...args: readonly string[]): string {
  return mustRun(process.execPath, args, project);
}

describe('an installed package', () => {
  test.each(EXPORTS)('%s can be imported', (name) => {
    const code = `const found = await import('${name}'); console.log(Object.keys(found).length)`;
    expect(Number(node('--input-type=module', '-e', code))).toBeGreaterThan(0);
  });

  test('runs a workflow', () => {
    expect(node('program.js', join(folder, 'yardmaster.db'))).toBe('42\n');
  });

  test('has types that need nothing else, those of its dependencies included', () => {
    mustRun('npm', ['install', '--no-audit', '--no-fund', '@types/node@26.6.6'], project);
    const language = ['--strict', '--module', 'nodenext', '--target', 'es2024', '--types', 'node', '--noEmit'];
    // The DOM, for fetch in the declarations of Connect.
    const libraries = ['--lib', 'es2024,esnext.disposable,dom,dom.iterable', '--skipLibCheck', 'false'];
    mustRun(TSC, [...language, ...libraries, 'consumer.ts'], project);
  });

  test('keeps the agent SDK free of what only the control plane needs', () => {
    const loaded: readonly string[] = JSON.parse(node('loaded.js', 'yardmaster/agent-sdk'));
    expect(loaded).toContain('@grpc/grpc-js');
    const heavy = ['node:sqlite', '@bufbuild/cel', '@bufbuild/re2', 'ajv', '@connectrpc/connect-node', 'pino', 'yaml'];
    expect(loaded.filter((name) => heavy.includes(name))).toEqual([]);
  });

  test('holds the protos and the demo, and neither sources nor tests', () => {
    const files = mustRun('tar', ['-tzf', tarball], folder).trim().split('\n');
    const folders = new Set(files.map((name) => name.split('/').slice(1, 3).join('/')));
    const known = ['bin', 'dist', 'proto', 'schema', 'CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'];
    expect([...folders].filter((name) => !known.includes(name.split('/')[0] ?? ''))).toEqual([]);
    expect(files).toContain('package/proto/yardmaster/v1/agent_service.proto');
    expect(files).toContain('package/schema/workflow.json');
    expect(files).toContain('package/dist/demo/data/birdstrikes.csv.gz');
    expect(files.filter((name) => /proto\/.*internal|released\.binpb|\.test\.|(?<!\.d)\.ts$/.test(name))).toEqual([]);
  });
});

describe('on the Node of the system', () => {
  /** PATH without the Node of this repository. */
  const path = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((part) => !part.includes('node_modules') && part !== dirname(process.execPath))
    .join(delimiter);

  test('npx runs the command, or says in one line which one works', () => {
    const system = spawnSync('node', ['--version'], { encoding: 'utf8', env: strangersEnv(path) }).stdout.trim();
    const args = ['-y', '-p', tarball, 'yardmaster', '--version'];
    const { status, stdout, stderr } = spawnSync('npx', args, {
      cwd: folder,
      encoding: 'utf8',
      env: strangersEnv(path),
    });
    const said = stderr.split('\n').filter((line) => line !== '' && !/^npm warn/.test(line));
    if (status === 0) {
      expect(stdout).toMatch(/^\d+\.\d+\.\d+/);
      expect(said).toEqual([]);
    } else {
      const command = `npx -y -p node@26.10.0 -p ${tarball} yardmaster --version`;
      expect(said).toEqual([`${command}  # Node ${system} is too old: yardmaster needs 24.16+ or 26.1+`]);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    }
  });
});
