/**
 * A map for entries that come and go all the time, in the order of their arrival (keys that look like array indices first, by
 * size).
 *
 * A `Map` that is filled and emptied again and again outgrows table after table, and each outgrown table points at its successor
 * (for iterators that are under way). Once one of them is old, the young collection finds all later ones reachable, with
 * everything they held: runs that ended long ago were copied twice and kept until the next full collection. The properties of an
 * object without a prototype have no such chain.
 */
export class ChurnMap<V> {
  private entries: Record<string, V> = Object.create(null);
  private count = 0;

  get size(): number {
    return this.count;
  }

  get(key: string): V | undefined {
    return this.entries[key];
  }

  has(key: string): boolean {
    return key in this.entries;
  }

  set(key: string, value: V): void {
    if (!(key in this.entries)) this.count += 1;
    this.entries[key] = value;
  }

  /** Whether it was there. */
  delete(key: string): boolean {
    if (!(key in this.entries)) return false;
    delete this.entries[key];
    this.count -= 1;
    return true;
  }

  keys(): string[] {
    return Object.keys(this.entries);
  }

  /** As they are now: what comes or goes during a loop does not change it. */
  values(): V[] {
    return Object.values(this.entries);
  }
}
