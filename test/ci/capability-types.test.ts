/** `capabilities types` of a live fleet, and tsc over a workflow that uses what it wrote. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { Agent } from '../../src/agent-sdk/index.ts';
import { capability } from '../../src/core/capability.ts';
import { Orchestrator } from '../../src/embedded/index.ts';
import { root } from '../docs/shell.ts';

const TSC = join(dirname(fileURLToPath(import.meta.resolve('typescript/package.json'))), 'bin', 'tsc');
const CLI = join(root, 'src', 'cli', 'main.ts');

const extract = capability('extract-rows', {
  version: '1.2.0',
  description: 'Reads a table */ to the end',
  input: z.object({ table: z.string(), limit: z.int().optional() }),
  output: z.object({
    rows: z.array(z.object({ id: z.int(), name: z.string().nullable() })),
    kind: z.enum(['all', 'some']),
  }),
});

const GOOD = `
import { WorkflowBuilder } from 'yardmaster';
import { extractRows, type ExtractRowsOutput } from './capabilities.ts';

export const first: ExtractRowsOutput['rows'][number]['id'] = 1;
export const flow = new WorkflowBuilder('Typed')
  .step('read', { action: extractRows, parameters: { table: 'penguins' } })
  .build();
`;

function compile(folder: string): string {
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: { noEmit: true },
    include: [join(folder, '*.ts')],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  return spawnSync(process.execPath, [TSC, '-p', folder, '--singleThreaded'], { cwd: root, encoding: 'utf8' }).stdout;
}

test('constants of a live fleet compile in strict TypeScript, run, and refuse what does not fit', async () => {
  mkdirSync(join(root, '.tmp'), { recursive: true });
  const folder = mkdtempSync(join(root, '.tmp', 'types-'));
  await using mesh = new Orchestrator();
  const url = await mesh.url();
  const agent = new Agent({ id: 'reader', url });
  agent.handle(extract, () => ({ rows: [], kind: 'all' as const }));
  await agent.start();
  try {
    const file = join(folder, 'capabilities.ts');
    await promisify(execFile)(process.execPath, [
      '--conditions=source',
      CLI,
      'capabilities',
      'types',
      '--out',
      file,
      '--url',
      url,
    ]);
    writeFileSync(join(folder, 'flow.ts'), GOOD);
    expect(compile(folder)).toBe('');
    const { extractRows } = await import(file);
    expect(extractRows.input.safeParse({ table: 1 }).success).toBe(false);
    expect(extractRows.input.safeParse({ table: 'penguins' }).success).toBe(true);
    writeFileSync(join(folder, 'flow.ts'), GOOD.replace("table: 'penguins'", 'table: 7'));
    expect(compile(folder)).toContain("Type 'number' is not assignable to type 'string");
  } finally {
    await agent.stop({ graceMs: 0 });
    rmSync(folder, { recursive: true });
  }
});
