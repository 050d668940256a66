/**
 * Remembers the ids of settled attempts for a while, so that a late copy of an assignment starts nothing. Pure.
 *
 * Two generations instead of one set that drops its oldest: to find the oldest a Set walks over all that were dropped before.
 */
const GENERATION_MAX = 10_000;

export class SettledIds {
  #young = new Set<string>();
  #old = new Set<string>();

  has(id: string): boolean {
    return this.#young.has(id) || this.#old.has(id);
  }

  /** At least the last 10,000 ids are remembered. */
  add(id: string): void {
    this.#young.add(id);
    if (this.#young.size < GENERATION_MAX) return;
    this.#old = this.#young;
    this.#young = new Set();
  }
}
