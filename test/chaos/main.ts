/**
 * `npm run chaos -- --seed S [--minutes M] [--json FILE]`: a control plane, agents and a client in processes of their own, with what
 * the seed says going wrong between and in them, and a verdict. Exit code 1 when something does not hold.
 *
 * `--seeds N`: so many, one after the other. `--agents`, `--beat`, `--window`: how many agents; milliseconds. `--scenario NAME`: one
 * fault alone, with the times of the product; `--scenario all`: each of them.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { scenarios } from './scenarios/index.ts';
import { type ChaosReport, runChaos } from './world/chaos.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Date.now() / 1_000)) },
    seeds: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '1' },
    agents: { type: 'string', default: '4' },
    beat: { type: 'string', default: '1000' },
    window: { type: 'string', default: '6000' },
    scenario: { type: 'string' },
    json: { type: 'string' },
  },
});

if (values.scenario === undefined) await playSeeds();
else await playScenarios(values.scenario === 'all' ? Object.keys(scenarios) : [values.scenario]);
// Sockets that wait for a peer which is gone must not keep us.
process.exit();

async function playSeeds(): Promise<void> {
  const reports: ChaosReport[] = [];
  for (let i = 0; i < numberOf('seeds', 1); i++) {
    const report = await runChaos({
      seed: numberOf('seed', 0) + i,
      minutes: numberOf('minutes', 0.1),
      agents: numberOf('agents', 1),
      beatIntervalMs: numberOf('beat', 100),
      lossWindowMs: numberOf('window', 1_000),
    });
    reports.push(report);
    print(report);
  }
  finish(reports);
}

async function playScenarios(names: readonly string[]): Promise<void> {
  const reports: { readonly scenario: string; readonly violations: readonly string[] }[] = [];
  for (const name of names) {
    const play = scenarios[name];
    if (play === undefined) return refuse(`--scenario takes one of ${Object.keys(scenarios).join(', ')}, all`);
    const report = { scenario: name, ...(await play()) };
    reports.push(report);
    console.log(JSON.stringify(report));
  }
  finish(reports);
}

function finish(reports: readonly { readonly violations: readonly string[] }[]): void {
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(reports, undefined, 2)}\n`);
  process.exitCode = reports.some(({ violations }) => violations.length > 0) ? 1 : 0;
}

function refuse(message: string): never {
  console.error(message);
  process.exit(64);
}

function numberOf(name: 'seed' | 'seeds' | 'minutes' | 'agents' | 'beat' | 'window', min: number): number {
  const number = Number(values[name]);
  if (Number.isFinite(number) && number >= min) return number;
  return refuse(`--${name} takes a number from ${min}`);
}

function print({ seed, plan: _, options: __, violations, faults, evidence, ...figures }: ChaosReport): void {
  const facts = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
  console.log(`seed ${seed}: ${violations.length} violations; ${facts.join(', ')}`);
  const done = Object.entries(faults).map(([name, count]) => `${name} ${count}`);
  console.log(`  faults: ${done.join(', ')}`);
  for (const violation of violations) console.log(`  x ${violation}`);
  if (evidence !== undefined) console.log(`  evidence: ${evidence}`);
}
