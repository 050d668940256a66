/** What attempts write: their heads in `outputs`, their pieces in `chunks`. */
import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import type { ChunkQuery, ChunkRow, OutputHead, OutputKey } from '../port.ts';
import type { FrameReader } from './frame.ts';

const HEAD = 'run_id AS runId, path, attempt, number, bytes, is_cut AS isCut';
const CHUNKS = `SELECT chunks.number, channel, kind, chunks.bytes FROM outputs JOIN chunks ON output_id = outputs.id
  WHERE run_id = ? AND path = ? AND attempt = ? AND chunks.number > ?`;

export class OutputWriter {
  readonly #putHead: StatementSync;
  readonly #insertChunk: StatementSync;

  constructor(db: DatabaseSync) {
    this.#putHead = db.prepare(
      `INSERT INTO outputs VALUES (NULL, ?, ?, ?, ?, ?, ?) ON CONFLICT (run_id, path, attempt)
        DO UPDATE SET number = excluded.number, bytes = excluded.bytes, is_cut = excluded.is_cut RETURNING id`,
    );
    this.#insertChunk = db.prepare('INSERT OR IGNORE INTO chunks VALUES (?, ?, ?, ?, ?)');
  }

  write(frame: FrameReader): void {
    for (let rest = frame.integer(); rest > 0; rest--) {
      const [runId, path, attempt] = [frame.text(), frame.text(), frame.integer()];
      const [number, bytes, isCut] = [frame.integer(), frame.integer(), frame.flag()];
      const id = Number(this.#putHead.get(runId, path, attempt, number, bytes, Number(isCut))?.id);
      for (let chunks = frame.integer(); chunks > 0; chunks--)
        this.#insertChunk.run(id, frame.integer(), frame.text(), frame.text(), frame.bytes());
    }
  }
}

export class OutputQueries {
  readonly #get: StatementSync;
  readonly #last: StatementSync;
  readonly #sum: StatementSync;
  readonly #all: StatementSync;
  readonly #ofChannel: StatementSync;

  constructor(db: DatabaseSync) {
    const heads = `SELECT ${HEAD} FROM outputs WHERE run_id = ? AND path = ?`;
    this.#get = db.prepare(`${heads} AND attempt = ?`);
    this.#last = db.prepare(`${heads} ORDER BY attempt DESC LIMIT 1`);
    this.#sum = db.prepare('SELECT coalesce(sum(bytes), 0) AS bytes FROM outputs WHERE run_id = ?');
    this.#all = db.prepare(`${CHUNKS} ORDER BY chunks.number LIMIT ?`);
    this.#ofChannel = db.prepare(`${CHUNKS} AND (channel = ? OR kind = 'cut') ORDER BY chunks.number LIMIT ?`);
  }

  get({ runId, path, attempt }: OutputKey): OutputHead | undefined {
    return toHead(this.#get.get(runId, path, attempt));
  }

  findLast(runId: string, path: string): OutputHead | undefined {
    return toHead(this.#last.get(runId, path));
  }

  sum(runId: string): number {
    return Number(this.#sum.get(runId)?.bytes);
  }

  chunks({ runId, path, attempt, after, channel, limit }: ChunkQuery): ChunkRow[] {
    const rows =
      channel === undefined
        ? this.#all.all(runId, path, attempt, after, limit)
        : this.#ofChannel.all(runId, path, attempt, after, channel, limit);
    // Only this program writes the table.
    return rows.map((row) => ({ ...row }) as unknown as ChunkRow);
  }
}

function toHead(columns: Readonly<Record<string, SQLOutputValue>> | undefined): OutputHead | undefined {
  if (columns === undefined) return undefined;
  // Only this program writes the table.
  return { ...columns, isCut: columns.isCut === 1 } as OutputHead;
}

/** What belongs to a run, before its rows in `outputs` go. */
export const DELETE_CHUNKS = 'DELETE FROM chunks WHERE output_id IN (SELECT id FROM outputs WHERE run_id = ?)';
