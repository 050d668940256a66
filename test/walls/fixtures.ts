/** One deliberately bad file per wall of biome.json. `scripts/check-walls.ts` shows that each is refused. */
export interface WallFixture {
  readonly path: string;
  readonly code: string;
  /** Category of the diagnostic that must be given. */
  readonly rule: string;
}

const IMPORTS = 'lint/style/noRestrictedImports';
const GLOBALS = 'lint/style/noRestrictedGlobals';
const PLUGIN = 'plugin';

let count = 0;

function refuse(folder: string, rule: string, code: string): WallFixture {
  count += 1;
  return { path: `src/${folder}/bad-${count}.ts`, code: `${code}\n`, rule };
}

function refuseImport(folder: string, specifier: string): WallFixture {
  return refuse(folder, IMPORTS, `import '${specifier}';`);
}

const PURE_FOLDERS = ['workflow', 'control-plane/engine', 'control-plane/scheduler', 'control-plane/registry'];

export const wallFixtures: readonly WallFixture[] = [
  refuseImport('core', '../workflow/definition.ts'),
  refuseImport('core', 'node:fs'),
  refuseImport('workflow', '../gen/yardmaster/v1/workflow_pb.ts'),
  refuseImport('workflow', 'node:fs'),
  refuseImport('workflow/expressions', '../../control-plane/main.ts'),
  refuseImport('control-plane/engine', '../runtime/commit.ts'),
  refuseImport('control-plane/engine', '../../gen/yardmaster/v1/run_pb.ts'),
  refuseImport('control-plane/engine', 'zod'),
  refuseImport('control-plane/scheduler', '../engine/state.ts'),
  refuseImport('control-plane/registry', '../runtime/commit.ts'),
  refuseImport('control-plane/registry', '../store/sqlite/sqlite-store.ts'),
  refuseImport('control-plane/runtime', '../api/run-service.ts'),
  refuseImport('control-plane/runtime', '../store/sqlite/sqlite-store.ts'),
  refuseImport('control-plane/runtime', '../parameters/guarded.ts'),
  refuseImport('control-plane/parameters', '../runtime/starts.ts'),
  refuseImport('control-plane/store', '../engine/decide.ts'),
  refuseImport('control-plane/store', '../../gen/yardmaster/v1/run_pb.ts'),
  refuseImport('control-plane/store/sqlite', '../../runtime/commit.ts'),
  refuseImport('control-plane/store/codec', '../../runtime/commit.ts'),
  refuseImport('control-plane/api', '../transport/listener.ts'),
  refuseImport('control-plane/api', '../engine/decide.ts'),
  refuseImport('control-plane/transport', '../runtime/commit.ts'),
  refuseImport('control-plane/config', '../runtime/commit.ts'),
  refuseImport('control-plane/security', '../api/run-service.ts'),
  refuseImport('control-plane/telemetry', '../main.ts'),
  refuseImport('agent-sdk', '../control-plane/main.ts'),
  refuseImport('agent-sdk', '../workflow/definition.ts'),
  refuseImport('agent-sdk', 'node:sqlite'),
  refuseImport('client', '../control-plane/main.ts'),
  refuseImport('client', '../agent-sdk/index.ts'),
  refuseImport('embedded', '../control-plane/runtime/commit.ts'),
  refuseImport('testing', '../cli/main.ts'),
  refuseImport('demo', '../control-plane/main.ts'),
  refuseImport('demo', '../cli/main.ts'),
  refuseImport('cli', '../control-plane/engine/decide.ts'),
  refuseImport('cli', '../gen/yardmaster/v1/run_pb.ts'),
  refuseImport('cli', '../conformance/stage.ts'),
  refuseImport('conformance', '../agent-sdk/index.ts'),
  refuseImport('conformance', '../control-plane/main.ts'),
  refuseImport('conformance', '../testing/index.ts'),
  refuseImport('mcp', '../control-plane/main.ts'),
  refuseImport('mcp', '../cli/main.ts'),
  refuseImport('client', '../mcp/index.ts'),
  refuseImport('fake-agent', '../control-plane/main.ts'),
  refuseImport('fake-agent', '../testing/index.ts'),
  refuseImport('client', '../conformance/index.ts'),
  ...PURE_FOLDERS.flatMap((folder) => [
    refuse(folder, GLOBALS, 'export const now = Date.now();'),
    refuse(folder, GLOBALS, 'export type Later = Promise<void>;'),
    refuse(folder, GLOBALS, 'setTimeout(() => {}, 1);'),
    refuse(folder, PLUGIN, 'export const dice = Math.random();'),
    refuse(folder, PLUGIN, 'export const now = globalThis.Date;'),
  ]),
  refuse('core', GLOBALS, 'export const now = Date.now();'),
  refuse('core', PLUGIN, 'export const dice = Math.random();'),
  refuse('control-plane/runtime', GLOBALS, 'setInterval(() => {}, 1);'),
  refuse('control-plane/api', GLOBALS, 'export const now = Date.now();'),
  refuse('client', 'lint/suspicious/noConsole', "console.log('loud');"),
  refuse('client', 'lint/suspicious/noExplicitAny', 'export let anything: any;'),
  refuse('client', 'lint/style/noNonNullAssertion', 'export const sure = (text?: string): string => text!;'),
  refuse(
    'client',
    'lint/complexity/noExcessiveLinesPerFunction',
    `export function long() {\n${'  long();\n'.repeat(80)}}`,
  ),
];
