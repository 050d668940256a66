/** 1,000 seeds, and 40 in their long worlds, each twice: every invariant holds, and each replays byte for byte. Uses two processes. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const SEEDS = 1_000;
const LONG_SEEDS = 40;
const PROCESSES = 2;
const main = fileURLToPath(new URL('../sim/main.ts', import.meta.url));

interface Summary {
  readonly seeds: number;
  readonly failed: number;
  readonly runs: number;
  readonly executions: number;
}

it(`keeps every invariant in ${SEEDS} seeds, and replays each byte for byte`, async () => {
  const summaries = await simulateAll(SEEDS);
  console.log(summaries.map((summary) => JSON.stringify(summary)).join('\n'));
  expect(summaries.reduce((sum, { seeds }) => sum + seeds, 0)).toBe(SEEDS);
  expect(summaries.reduce((sum, { executions }) => sum + executions, 0)).toBeGreaterThan(SEEDS * 10);
});

it(`keeps them in the long worlds of ${LONG_SEEDS} seeds`, async () => {
  const summaries = await simulateAll(LONG_SEEDS, '--long');
  expect(summaries.reduce((sum, { seeds }) => sum + seeds, 0)).toBe(LONG_SEEDS);
});

function simulateAll(seeds: number, ...options: readonly string[]): Promise<readonly Summary[]> {
  const each = seeds / PROCESSES;
  return Promise.all(Array.from({ length: PROCESSES }, (_, part) => simulate(1 + part * each, each, options)));
}

/** Rejects with what was printed when a seed fails. */
async function simulate(first: number, seeds: number, options: readonly string[]): Promise<Summary> {
  const args = [main, '--seed', String(first), '--seeds', String(seeds), '--twice', '--json', ...options];
  const run = promisify(execFile)(process.execPath, args, { maxBuffer: 64 * 1_048_576 });
  const { stdout } = await run.catch((error: Error & { readonly stdout?: string }) => {
    throw new Error(`seeds from ${first} on: ${error.stdout ?? ''}`, { cause: error });
  });
  const summary: Summary = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  return summary;
}
