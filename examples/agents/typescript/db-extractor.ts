/** Reads a table of a SQLite database. SOURCES names the folder of the databases. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Agent, StepError } from 'yardmaster/agent-sdk';
import { extract } from './capabilities.ts';
import { LABELS, readSetting } from './settings.ts';
import type { Table } from './strikes/table.ts';

const sources = readSetting('SOURCES');
const agent = new Agent({ id: 'db-extractor', labels: LABELS });

agent.handle(extract, ({ source = '' }, ctx) => {
  // The name comes from outside and becomes part of a path.
  if (!/^\w+$/.test(source)) throw new StepError('UNKNOWN_SOURCE', `no source "${source}"`, { retryable: false });
  const table = readStrikes(join(sources, `${source}.db`));
  ctx.log.info('extracted', { rows: table.rows.length });
  return table;
});

await agent.start({ signals: true });

function readStrikes(path: string): Table {
  using db = new DatabaseSync(path, { readOnly: true });
  const statement = db.prepare('SELECT * FROM strikes');
  const columns = statement.columns().map(({ name }) => name);
  statement.setReturnArrays(true);
  return { columns, rows: statement.all() as unknown as Table['rows'] };
}
