/** 1,000 seeds, each twice: every invariant holds, and each seed replays byte for byte. Uses two processes. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const SEEDS = 1_000;
const PROCESSES = 2;
const main = fileURLToPath(new URL('../sim/main.ts', import.meta.url));

interface Summary {
  readonly seeds: number;
  readonly failed: number;
  readonly runs: number;
  readonly executions: number;
}

it(`keeps every invariant in ${SEEDS} seeds, and replays each byte for byte`, async () => {
  const each = SEEDS / PROCESSES;
  const parts = Array.from({ length: PROCESSES }, (_, part) => simulate(1 + part * each, each));
  const summaries = await Promise.all(parts);
  console.log(summaries.map((summary) => JSON.stringify(summary)).join('\n'));
  expect(summaries.reduce((sum, { seeds }) => sum + seeds, 0)).toBe(SEEDS);
  expect(summaries.reduce((sum, { executions }) => sum + executions, 0)).toBeGreaterThan(SEEDS * 10);
});

/** Rejects with what was printed when a seed fails. */
async function simulate(first: number, seeds: number): Promise<Summary> {
  const args = [main, '--seed', String(first), '--seeds', String(seeds), '--twice', '--json'];
  const run = promisify(execFile)(process.execPath, args, { maxBuffer: 64 * 1_048_576 });
  const { stdout } = await run.catch((error: Error & { readonly stdout?: string }) => {
    throw new Error(`seeds from ${first} on: ${error.stdout ?? ''}`, { cause: error });
  });
  const summary: Summary = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  return summary;
}
