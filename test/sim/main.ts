/**
 * `npm run sim -- --seed N [--seeds M] [--twice] [--trace]`: simulates M seeds from N on. Prints the seed, the invariant and
 * the last lines of the trace of each one that fails; exit code 1 then.
 *
 * `--shrink` looks for the smallest part of a seed that fails in the same way, and `--runs`, `--faults`, `--steps` and `--without`
 * simulate a part. `--long`: the long world of each seed (settings.ts). `--planted` looks for every known-bad variant of the product, or for those whose name contains its value.
 */
import { parseArgs } from 'node:util';
import { type Part, readPart, showPart } from './part.ts';
import { findPlanted } from './planted/command.ts';
import { longWorld } from './settings.ts';
import { shrink } from './shrink.ts';
import { type SimResult, simulate } from './simulate.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    twice: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    long: { type: 'boolean', default: false },
    shrink: { type: 'boolean', default: false },
    planted: { type: 'boolean', default: false },
    runs: { type: 'string' },
    faults: { type: 'string' },
    steps: { type: 'string' },
    without: { type: 'string' },
  },
});

const first = Number(values.seed);
const count = Number(values.seeds);
if (!Number.isSafeInteger(first) || !Number.isSafeInteger(count) || count < 1)
  refuse('--seed and --seeds take whole numbers');
const part = partOf();
const options = values.long ? { part, adjust: longWorld } : { part };

if (values.planted) process.exitCode = await findPlanted(positionals.join(' '));
else await simulateAll();

async function simulateAll(): Promise<void> {
  let failed = 0;
  const total = { events: 0, runs: 0, executions: 0, virtualMs: 0, ends: 0, exact: 0 };
  const startedAt = performance.now();
  for (let seed = first; seed < first + count; seed++) {
    const result = await simulate(seed, {
      ...options,
      ...(values.trace ? { print: (line: string) => console.log(line) } : {}),
    });
    total.events += result.events;
    total.runs += result.runs;
    total.executions += result.executions;
    total.virtualMs += result.virtualMs;
    total.ends += result.compared.ends;
    total.exact += result.compared.exact;
    if (result.invariant === undefined && count === 1 && !values.json) console.log(describe(result));
    const broken = result.invariant === undefined && values.twice ? await again(result) : result;
    if (broken.invariant === undefined) continue;
    failed += 1;
    await report(broken);
  }
  process.exitCode = failed === 0 ? 0 : 1;
  if (values.json) return console.log(JSON.stringify({ seeds: count, failed, ...total }));
  const hours = total.virtualMs / 3_600_000;
  const perSecond = (hours / ((performance.now() - startedAt) / 1_000)).toFixed(2);
  console.log(
    `${count} seed${count === 1 ? '' : 's'}, ${failed} failed; ${total.runs} runs, ${total.executions} executions, ${total.events} events; ${hours.toFixed(1)} simulated hours, ${perSecond} a second`,
  );
}

/** The same seed, which must do the same. */
async function again(first: SimResult): Promise<SimResult> {
  const second = await simulate(first.seed, options);
  if (second.digest === first.digest && second.lines === first.lines) return first;
  return {
    ...second,
    invariant: 'a seed replays byte for byte',
    message: `${first.digest} (${first.lines} lines), then ${second.digest} (${second.lines} lines)`,
  };
}

async function report(result: SimResult): Promise<void> {
  const { seed, invariant, message, lastLines } = result;
  console.log(`seed ${seed} breaks: ${invariant}\n  ${message}`);
  if (!values.trace && !values.json && !values.shrink) console.log(lastLines.map((line) => `  | ${line}`).join('\n'));
  console.log(`  again: ${commandOf(seed, part)} --trace`);
  if (!values.shrink) return void console.log(`  smaller: ${commandOf(seed, part)} --shrink`);
  const smaller = await shrink(result, options);
  const { runs, executions, events } = smaller.result;
  console.log(`  smallest of ${smaller.simulations} tries: ${runs} runs, ${executions} executions, ${events} events`);
  console.log(`  ${smaller.result.message}\n${smaller.result.lastLines.map((line) => `  | ${line}`).join('\n')}`);
  console.log(`  again: ${commandOf(seed, smaller.part)} --trace`);
}

function commandOf(seed: number, part: Part): string {
  return `npm run sim -- --seed ${seed}${values.long ? ' --long' : ''} ${showPart(part)}`.trimEnd();
}

function partOf(): Part {
  try {
    return readPart(values);
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function refuse(message: string): never {
  console.error(message);
  process.exit(64);
}

function describe({ seed, digest, events, lines, virtualMs, runs, executions }: SimResult): string {
  return `seed ${seed}: ${runs} runs, ${executions} executions, ${events} events in ${(virtualMs / 1_000).toFixed(1)} virtual s; trace of ${lines} lines, ${digest}`;
}
