/** Makes typed rows of what the sources hold. */
import { Agent } from 'yardmaster/agent-sdk';
import { clean } from './capabilities.ts';
import { LABELS } from './settings.ts';
import { cleanAirports, cleanStrikes } from './strikes/clean.ts';
import { writeTable } from './strikes/table.ts';

const agent = new Agent({ id: 'data-cleaner', labels: LABELS });

agent.handle(clean, (input, ctx) => {
  const { strikes, counts } = cleanStrikes(input.strikes);
  ctx.log.info('cleaned', { rows: strikes.length, ...counts });
  const airports = cleanAirports(input.airports);
  return { strikes: writeTable(strikes), airports: writeTable(airports), counts: { ...counts } };
});

await agent.start({ signals: true });
