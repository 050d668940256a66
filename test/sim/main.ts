/**
 * `npm run sim -- --seed N [--seeds M] [--twice] [--trace]`: simulates M seeds from N on. Prints the seed, the invariant and
 * the last lines of the trace of each one that fails; exit code 1 then.
 */
import { parseArgs } from 'node:util';
import { type SimResult, simulate } from './simulate.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    twice: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

const first = Number(values.seed);
const count = Number(values.seeds);
if (!Number.isSafeInteger(first) || !Number.isSafeInteger(count) || count < 1) {
  console.error('--seed and --seeds take whole numbers');
  process.exit(64);
}

let failed = 0;
const total = { events: 0, runs: 0, executions: 0, virtualMs: 0 };
for (let seed = first; seed < first + count; seed++) {
  const result = await simulate(seed, values.trace ? { print: (line) => console.log(line) } : {});
  total.events += result.events;
  total.runs += result.runs;
  total.executions += result.executions;
  total.virtualMs += result.virtualMs;
  if (result.invariant !== undefined) report(result);
  else if (count === 1 && !values.json) console.log(describe(result));
  if (values.twice) await again(result);
}
if (values.json) console.log(JSON.stringify({ seeds: count, failed, ...total }));
else if (count > 1) {
  const hours = (total.virtualMs / 3_600_000).toFixed(1);
  console.log(
    `${count} seeds, ${failed} failed; ${total.runs} runs, ${total.executions} executions, ${total.events} events, ${hours} virtual hours`,
  );
}
process.exitCode = failed === 0 ? 0 : 1;

async function again(first: SimResult): Promise<void> {
  const second = await simulate(first.seed);
  if (second.digest === first.digest && second.lines === first.lines) return;
  report({
    ...second,
    invariant: 'a seed replays byte for byte',
    message: `${first.digest} (${first.lines} lines), then ${second.digest} (${second.lines} lines)`,
  });
}

function report({ seed, invariant, message, lastLines }: SimResult): void {
  failed += 1;
  console.log(`seed ${seed} breaks: ${invariant}\n  ${message}`);
  if (!values.trace && !values.json) console.log(lastLines.map((line) => `  | ${line}`).join('\n'));
  console.log(`  again: npm run sim -- --seed ${seed} --trace`);
}

function describe({ seed, digest, events, lines, virtualMs, runs, executions }: SimResult): string {
  return `seed ${seed}: ${runs} runs, ${executions} executions, ${events} events in ${(virtualMs / 1_000).toFixed(1)} virtual s; trace of ${lines} lines, ${digest}`;
}
