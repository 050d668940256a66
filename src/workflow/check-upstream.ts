/**
 * Has one step surely ended when another starts? Yes, when in the lowest block around both, the part that holds the
 * one is upstream of the part that holds the other. Upstream sets are bit rows, made per level and only when asked.
 */
import { dependenciesOf, topologicalOrder } from './check-graph.ts';
import type { Entry, Level } from './survey.ts';

export type Ended = 'ended' | 'self' | 'around' | 'inside' | 'attached' | 'branch' | 'unordered' | 'finally';

export class Upstream {
  readonly #rows = new Map<Level, readonly Uint32Array[]>();

  /** How `target` stands when `reader` starts; only `ended` (and `inside` a block, once it ended) may be read. */
  relation(reader: Entry, target: Entry): Ended {
    if (reader === target) return 'self';
    const owner = ownerOf(reader);
    // It starts when its owner has ended, and with it everything that the owner saw.
    if (owner !== undefined) return isWithin(owner, target) ? 'ended' : this.relation(owner, target);
    if (ownerOf(target) === reader) return 'attached';
    return this.#relationOfOwners(reader, ownerOf(target) ?? target);
  }

  /** Neither belongs to another step. */
  #relationOfOwners(reader: Entry, target: Entry): Ended {
    if (reader === target) return 'self';
    const [here, there] = liftToOneLevel(reader, target);
    if (here.level !== there.level) return here.level.isCleanup ? 'ended' : 'finally';
    if (here === target) return 'around';
    // Neither is the block itself: they stand in two of its lists.
    if (here === there) return here === reader ? 'inside' : 'branch';
    return this.#isUpstream(here, there) ? 'ended' : 'unordered';
  }

  #isUpstream(entry: Entry, other: Entry): boolean {
    if (entry.step.dependencies.includes(other.step.id)) return true;
    const rows = this.#rowsOf(entry.level);
    const row = rows[entry.position];
    // In a cycle nothing can be said; the cycle itself is reported.
    return rows.length === 0 || ((row?.[other.position >>> 5] ?? 0) & (1 << (other.position & 31))) !== 0;
  }

  #rowsOf(level: Level): readonly Uint32Array[] {
    const known = this.#rows.get(level);
    if (known !== undefined) return known;
    const words = Math.ceil(level.entries.length / 32);
    const rows = level.entries.map(() => new Uint32Array(words));
    for (const entry of topologicalOrder(level)) {
      const row = rows[entry.position];
      if (row !== undefined)
        for (const other of dependenciesOf(entry)) addRow(row, other.position, rows[other.position]);
    }
    this.#rows.set(level, rows);
    return rows;
  }
}

/** The step that a fallback or a compensation belongs to. */
function ownerOf({ level }: Entry): Entry | undefined {
  return level.attached === undefined ? undefined : level.block;
}

function isWithin(block: Entry, entry: Entry): boolean {
  for (let at: Entry | undefined = entry; at !== undefined; at = at.level.block) if (at === block) return true;
  return false;
}

function addRow(row: Uint32Array, position: number, other: Uint32Array | undefined): void {
  for (let i = 0; i < row.length; i++) row[i] = (row[i] ?? 0) | (other?.[i] ?? 0);
  const word = position >>> 5;
  row[word] = (row[word] ?? 0) | (1 << (position & 31));
}

/** Climbs from both until they are siblings or one; at the top of different sections they stay apart. */
function liftToOneLevel(left: Entry, right: Entry): readonly [Entry, Entry] {
  let [a, b] = [left, right];
  while (a.level !== b.level) {
    const lower = a.level.depth >= b.level.depth ? a : b;
    const block = lower.level.block;
    if (block === undefined) return [a, b];
    if (lower === a) a = block;
    else b = block;
  }
  return [a, b];
}
