/**
 * Builds what `yardmaster demo` runs and needs into `dist/`, so that it travels with the package: the example agents as
 * JavaScript, the data that they work on, and the chart library of their pages. Runs after `src/` is built, because the
 * examples import the package by its name.
 */
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type CommandResult, root, runCommand } from './run-command.ts';

const EXAMPLES = join(root, 'examples');
const MODULES = join(root, 'node_modules');
const DATA = ['birdstrikes.csv', 'airports.csv'];
const CHARTS = { 'uPlot.iife.min.js': 'uplot.js', 'uPlot.min.css': 'uplot.css', '../LICENSE': 'uplot.LICENSE' };

export function buildExamples(dist: string): CommandResult {
  const out = join(dist, 'examples');
  cpSync(EXAMPLES, out, { recursive: true, filter: (path) => !path.endsWith('.ts') });
  packData(join(dist, 'demo', 'data'));
  copyCharts(join(out, 'agents', 'typescript', 'pages'));
  return runCommand('tsc', ['-p', 'tsconfig.examples.json']);
}

/** The files as they are, compressed: 1.4 MB become a quarter. Sources and licences stand beside them in NOTICE.md. */
function packData(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const name of DATA) {
    const bytes = readFileSync(join(MODULES, 'vega-datasets', 'data', name));
    writeFileSync(join(folder, `${name}.gz`), gzipSync(bytes, { level: 9 }));
  }
}

function copyCharts(folder: string): void {
  for (const [from, to] of Object.entries(CHARTS)) {
    const target = join(folder, to);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(join(MODULES, 'uplot', 'dist', from), target);
  }
}
