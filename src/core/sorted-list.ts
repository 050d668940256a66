/**
 * Items in order, in chunks: adding, taking out and finding one cost a binary search and a move within one chunk, also
 * with 100,000 of them; where one stands costs a look at every chunk before it.
 *
 * Invariants: 1. no chunk is empty, and none has more than `CHUNK_MAX` items; 2. the items grow along the chunks; 3. equal items are one.
 */

const CHUNK_MAX = 512;

export class SortedList<T> {
  private readonly compare: (left: T, right: T) => number;
  private readonly chunks: T[][] = [];
  private count = 0;

  /** `compare`: below 0 when the left one goes first, 0 when they are the same. */
  constructor(compare: (left: T, right: T) => number) {
    this.compare = compare;
  }

  get size(): number {
    return this.count;
  }

  get first(): T | undefined {
    return this.chunks[0]?.[0];
  }

  get last(): T | undefined {
    return this.chunks.at(-1)?.at(-1);
  }

  /** False: it is there already. */
  add(item: T): boolean {
    if (this.isBehindAll(item)) return this.append(item);
    const at = Math.max(0, this.chunkOf(item));
    const chunk = this.chunks[at] ?? [];
    const place = this.placeIn(chunk, item);
    if (this.isSame(chunk[place], item)) return false;
    this.count += 1;
    if (chunk.length < CHUNK_MAX) chunk.splice(place, 0, item);
    else this.split(at, item);
    return true;
  }

  /** False: it was not there. */
  delete(item: T): boolean {
    if (this.isBehindAll(item)) return false;
    const at = this.chunkOf(item);
    const chunk = this.chunks[at];
    if (chunk === undefined) return false;
    const place = this.placeIn(chunk, item);
    if (!this.isSame(chunk[place], item)) return false;
    if (chunk.length === 1) this.chunks.splice(at, 1);
    else chunk.splice(place, 1);
    this.count -= 1;
    return true;
  }

  has(item: T): boolean {
    const chunk = this.chunks[this.chunkOf(item)];
    return chunk !== undefined && this.isSame(chunk[this.placeIn(chunk, item)], item);
  }

  /** How many go before it; -1: it is not there. */
  rankOf(item: T): number {
    const at = this.chunkOf(item);
    const chunk = this.chunks[at];
    if (chunk === undefined) return -1;
    const place = this.placeIn(chunk, item);
    if (!this.isSame(chunk[place], item)) return -1;
    let rank = place;
    for (let i = 0; i < at; i += 1) rank += this.chunks[i]?.length ?? 0;
    return rank;
  }

  /** In order. Nothing may come or go meanwhile. */
  *[Symbol.iterator](): Generator<T> {
    for (const chunk of this.chunks) yield* chunk;
  }

  /** The usual way of what comes in its order: one comparison. */
  private isBehindAll(item: T): boolean {
    const { last } = this;
    return last === undefined || this.compare(last, item) < 0;
  }

  private append(item: T): true {
    const chunk = this.chunks.at(-1);
    if (chunk === undefined || chunk.length === CHUNK_MAX) this.chunks.push([item]);
    else chunk.push(item);
    this.count += 1;
    return true;
  }

  /** Index of the last chunk that begins at or before the item; -1: all begin after it. */
  private chunkOf(item: T): number {
    let low = 0;
    let high = this.chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const [head] = this.chunks[middle] ?? [];
      if (head !== undefined && this.compare(head, item) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Index of the first item in the chunk that does not go before `item`. */
  private placeIn(chunk: readonly T[], item: T): number {
    let low = 0;
    let high = chunk.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = chunk[middle];
      if (other !== undefined && this.compare(other, item) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private isSame(item: T | undefined, other: T): boolean {
    return item !== undefined && this.compare(item, other) === 0;
  }

  /** A full chunk becomes two, with the item in one of them. */
  private split(at: number, item: T): void {
    const chunk = this.chunks[at] ?? [];
    const upper = chunk.splice(chunk.length >> 1);
    this.chunks.splice(at + 1, 0, upper);
    const [head] = upper;
    const target = head !== undefined && this.compare(head, item) < 0 ? upper : chunk;
    target.splice(this.placeIn(target, item), 0, item);
  }
}

/** For lists of text, such as ids. */
export function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
