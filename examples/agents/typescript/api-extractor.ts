/** Reads all pages of an HTTP API. AIRPORTS_URL is its address. */
import { Agent } from 'yardmaster/agent-sdk';
import { extract } from './capabilities.ts';
import { LABELS, readSetting } from './settings.ts';
import { fetchPages } from './strikes/fetch-pages.ts';
import { writeTable } from './strikes/table.ts';

const url = readSetting('AIRPORTS_URL');
const agent = new Agent({ id: 'api-extractor', labels: LABELS });

agent.handle(extract, async (_input, ctx) => {
  const airports = await fetchPages(url, ctx.signal, (done, total) => ctx.progress(done / total, `${done} airports`));
  ctx.log.info('extracted', { rows: airports.length });
  return writeTable(airports);
});

await agent.start({ signals: true });
