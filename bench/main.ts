/**
 * `npm run bench [-- CASE ...] [--json FILE] [--kills N]`: everything in one run, durable, agents and client in processes of their
 * own. Cases: throughput, waiting, queued, curves, recovery, idle, fleet, failover; all of them without a word. `fleet` builds agents in
 * Python, Go, Java and Rust; where that cannot be done it says what is missing, the other cases go on, and the exit code is 1.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { measureCurves } from './curves.ts';
import { measureFailover } from './failover.ts';
import { FleetUnbuildable } from './fleet/languages.ts';
import { measureFleet } from './fleet.ts';
import { measureIdle } from './idle.ts';
import { measureQueued } from './queued.ts';
import { measureRecovery } from './recovery.ts';
import { type BenchResult, printTable } from './table.ts';
import { measureThroughput } from './throughput.ts';
import { measureWaiting } from './waiting.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string' },
    kills: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '8' },
  },
});
const seconds = Number(values.seconds);
const wants = (name: string): boolean => positionals.length === 0 || positionals.includes(name);
const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

let result: BenchResult = {};
if (wants('throughput')) {
  say('ceilings, chains and fan-outs ...');
  result = { ...result, ...(await measureThroughput(seconds)) };
}
if (wants('waiting')) {
  say('100,000 waiting steps ...');
  result = { ...result, waiting: await measureWaiting() };
}
if (wants('curves')) {
  say('long runs ...');
  result = { ...result, curves: await measureCurves() };
}
if (wants('recovery')) {
  say('loads of long runs ...');
  result = { ...result, recovery: await measureRecovery() };
}
if (wants('queued')) {
  say('100,000 queued runs ...');
  result = { ...result, queued: await measureQueued() };
}
if (wants('idle')) {
  say('1,000 idle agents ...');
  result = { ...result, idle: await measureIdle(20) };
}
if (wants('fleet')) {
  say('500 agents in five languages ...');
  try {
    result = { ...result, fleet: await measureFleet(30) };
  } catch (error) {
    if (!(error instanceof FleetUnbuildable)) throw error;
    say(`${error.name}: ${error.message}`);
    process.exitCode = 1;
  }
}
if (wants('failover')) {
  const kills = Number(values.kills);
  say(`${kills} kills, at most one a second ...`);
  result = {
    ...result,
    failover: await measureFailover(kills, (done) => {
      if (done % 20 === 0) say(`  ${done} of ${kills}`);
    }),
  };
}
printTable(result);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, undefined, 2)}\n`);
process.exit();
