/** Builds `dist/`: JavaScript and types from src/, and beside them the files that the program reads at run time. */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildExamples } from './build-examples.ts';
import { root, runCommand } from './run-command.ts';

const SRC = join(root, 'src');
const DIST = join(root, 'dist');

rmSync(DIST, { recursive: true, force: true });
cpSync(SRC, DIST, { recursive: true, filter: (path) => !path.endsWith('.ts') });
const built = [runCommand('tsc', ['-p', 'tsconfig.build.json']), buildExamples(DIST)];
for (const { status, output } of built) if (status !== 0) console.error(output);
process.exitCode = built.some(({ status }) => status !== 0) ? 1 : 0;
