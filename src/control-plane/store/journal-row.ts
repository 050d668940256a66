import type { JournalRow } from './port.ts';

/** The part of a row from event `from` on; undefined when the row ends before it. */
export function trimRow(row: JournalRow, from: number): JournalRow | undefined {
  const skipped = from - row.position;
  if (skipped <= 0) return row;
  if (skipped >= row.events.length) return undefined;
  return { runId: row.runId, position: from, events: row.events.slice(skipped) };
}
