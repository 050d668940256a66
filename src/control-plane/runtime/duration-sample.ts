/** The last durations of one thing, in milliseconds, and what they say of the next one. */

/** Old ones make room: what is usual changes with the data and the machines. */
const KEPT_MAX = 16;

export class DurationSample {
  private readonly kept: number[] = [];
  /** In order; undefined after a change. */
  private sorted: readonly number[] | undefined = undefined;

  get count(): number {
    return this.kept.length;
  }

  get isFull(): boolean {
    return this.kept.length === KEPT_MAX;
  }

  add(ms: number): void {
    if (this.kept.length === KEPT_MAX) this.kept.shift();
    this.kept.push(Math.max(0, ms));
    this.sorted = undefined;
  }

  /** Undefined: nothing is known. */
  median(): number | undefined {
    return middleOf(this.inOrder());
  }

  /** 0: nothing is known. */
  longest(): number {
    return this.inOrder().at(-1) ?? 0;
  }

  /** What is left of one that has taken so long, by those that took longer. Never negative; undefined: none did. */
  remaining(elapsedMs: number): number | undefined {
    const middle = middleOf(this.inOrder().filter((ms) => ms > elapsedMs));
    return middle === undefined ? undefined : middle - elapsedMs;
  }

  private inOrder(): readonly number[] {
    this.sorted ??= this.kept.toSorted((a, b) => a - b);
    return this.sorted;
  }
}

/** The lower of the two in the middle of an even number. */
function middleOf(sorted: readonly number[]): number | undefined {
  return sorted[(sorted.length - 1) >> 1];
}
