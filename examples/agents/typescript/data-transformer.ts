/** Joins and counts, chunk by chunk. RESULTS names the folder of its files: one per attempt, because two may be at work. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent } from 'yardmaster/agent-sdk';
import { transform } from './capabilities.ts';
import { LABELS, readSetting } from './settings.ts';
import { createJoin } from './strikes/join.ts';
import { Airport, Strike } from './strikes/strike.ts';
import { summarize } from './strikes/summary.ts';
import { readTable } from './strikes/table.ts';
import { Checkpoint } from './strikes/totals.ts';
import { TotalsFile } from './strikes/totals-file.ts';

/** Rows per commit: what a crash costs at most. */
const CHUNK_ROWS = 250;

const results = readSetting('RESULTS');
const agent = new Agent({ id: 'data-transformer', labels: LABELS });

agent.handle(transform, async (input, ctx) => {
  const strikes = readTable(input.strikes, Strike);
  const airports = readTable(input.airports, Airport);
  const joinAirport = createJoin(airports);
  const path = join(results, `${ctx.attempt.runId}-${ctx.attempt.number}.db`);
  using file = new TotalsFile(path);
  if (ctx.lastCheckpoint !== undefined) file.restore(Checkpoint.parse(ctx.lastCheckpoint));
  while (file.rows < strikes.length) {
    ctx.signal.throwIfAborted();
    file.add(strikes.slice(file.rows, file.rows + CHUNK_ROWS).map(joinAirport));
    const { size } = await stat(path);
    ctx.progress(file.rows / strikes.length, `${file.rows} rows, ${Math.round(size / 1024)} KiB durable`);
    ctx.checkpoint(file.checkpoint());
  }
  return summarize({ strikes, airports, totals: file.checkpoint().totals });
});

await agent.start({ signals: true });
