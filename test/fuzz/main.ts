/**
 * `npm run fuzz -- --seed S [--inputs N] [--seeds M] [--json FILE]`: odd, broken and hostile bytes against a control plane in a
 * process of its own, while an agent beside it works. Prints what was answered; exit code 1 when something does not hold.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type FuzzReport, fuzz } from './fuzz.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Date.now() / 1_000)) },
    seeds: { type: 'string', default: '1' },
    inputs: { type: 'string', default: '20000' },
    json: { type: 'string' },
  },
});

const reports: FuzzReport[] = [];
for (let i = 0; i < Number(values.seeds); i++) {
  const report = await fuzz(Number(values.seed) + i, Number(values.inputs));
  reports.push(report);
  console.log(JSON.stringify(report));
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(reports, undefined, 2)}\n`);
process.exit(reports.some(({ violations }) => violations.length > 0) ? 1 : 0);
