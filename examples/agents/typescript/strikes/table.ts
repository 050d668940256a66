/** Rows as they travel between steps: column names once, then one list per row. A third of the size of objects. */
import { z } from 'zod';

export const Table = z.object({
  columns: z.array(z.string()),
  rows: z.array(z.array(z.union([z.string(), z.number(), z.null()]))),
});
export type Table = z.infer<typeof Table>;
export type Cell = Table['rows'][number][number];

/** Every row as an object that fits `schema`; throws zod's error for the first that does not. */
export function readTable<Row>({ columns, rows }: Table, schema: z.ZodType<Row>): Row[] {
  return rows.map((cells) => schema.parse(Object.fromEntries(columns.map((name, i) => [name, cells[i]]))));
}

/** The columns are those of the first item. */
export function writeTable(items: readonly Readonly<Record<string, Cell>>[]): Table {
  const columns = Object.keys(items[0] ?? {});
  return { columns, rows: items.map((item) => columns.map((name) => item[name] ?? null)) };
}
