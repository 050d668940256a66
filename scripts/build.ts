/** Builds `dist/`: JavaScript and types from src/, and beside them the files that the program reads at run time. */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun, root } from './run-command.ts';

const SRC = join(root, 'src');
const DIST = join(root, 'dist');

rmSync(DIST, { recursive: true, force: true });
cpSync(SRC, DIST, { recursive: true, filter: (path) => !path.endsWith('.ts') });
mustRun('tsc', ['-p', 'tsconfig.build.json']);
