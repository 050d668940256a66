/** Runs vitest projects and counts what came out. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Counts } from './run-checks.ts';
import { root, runCommand } from './run-command.ts';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
}

export function runVitest(projects: readonly string[], args: readonly string[]): Counts {
  const parent = join(root, '.tmp');
  mkdirSync(parent, { recursive: true });
  const work = mkdtempSync(join(parent, 'vitest-'));
  try {
    const file = join(work, 'report.json');
    const chosen = projects.flatMap((name) => ['--project', name]);
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
    // By the Node that runs this, not by the one that a script's first line finds.
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
    const { status } = runCommand(process.execPath, [vitest, 'run', ...chosen, ...reporters, ...args], { show: true });
    return readCounts(file, status);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** A file that does not load and an error outside of a test have no failed test of their own, and count as one. */
function readCounts(file: string, status: number): Counts {
  if (!existsSync(file)) return { passed: 0, failed: 1 };
  const report: Report = JSON.parse(readFileSync(file, 'utf8'));
  const isUnexplained = status !== 0 && report.numFailedTests === 0;
  return { passed: report.numPassedTests, failed: report.numFailedTests + (isUnexplained ? 1 : 0) };
}
