/** What is found in the world after the run: databases, files, the webhook. Read from there, not from what the agents said. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';

/** The file of one attempt of the transformer. */
export interface AttemptFile {
  /** Row numbers in it, from 0 over the clean rows. */
  readonly rows: readonly number[];
  /** What its totals count, per dimension. */
  readonly counted: readonly number[];
}

/** Undefined: the attempt wrote none. */
export function readAttemptFile(folder: string, runId: string, attempt: number): AttemptFile | undefined {
  const path = join(folder, `${runId}-${attempt}.db`);
  if (!existsSync(path)) return undefined;
  // Not read-only: what a killed process left half done is rolled back on opening.
  using db = new DatabaseSync(path);
  const rows = db.prepare('SELECT row FROM strikes ORDER BY row').all();
  const counted = db.prepare('SELECT sum(strikes) AS strikes FROM totals GROUP BY dimension').all();
  return { rows: rows.map(({ row }) => Number(row)), counted: counted.map(({ strikes }) => Number(strikes)) };
}

const Charts = z.object({
  months: z.object({ series: z.tuple([z.object({ values: z.array(z.number()) })]).rest(z.unknown()) }),
});

/** Strikes in the chart of a page; undefined: there is no such page, or none with a chart. */
export function countPage(path: string): number | undefined {
  if (!existsSync(path)) return undefined;
  const json = /<script type="application\/json" id="charts">(.*?)<\/script>/s.exec(readFileSync(path, 'utf8'))?.[1];
  if (json === undefined) return undefined;
  const [first] = Charts.parse(JSON.parse(json)).months.series;
  return first.values.reduce((sum, value) => sum + value, 0);
}

const Notification = z.object({ runId: z.string(), strikes: z.number(), message: z.string() });
export type Notification = z.infer<typeof Notification>;

/** Read back over HTTP, as anybody could. */
export async function fetchNotifications(url: string, signal: AbortSignal): Promise<readonly Notification[]> {
  const response = await fetch(url, { signal });
  return z.array(Notification).parse(await response.json());
}

const TableOutput = z.object({ rows: z.array(z.unknown()) });
const CleanOutput = z.object({ strikes: TableOutput });

/** Rows that clean-data gave on. */
export function countCleanRows(output: unknown): number {
  const read = CleanOutput.safeParse(output);
  return read.success ? read.data.strikes.rows.length : 0;
}
