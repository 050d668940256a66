/** Choices of one seed. Each part of a world has its own dice, so that one more roll here changes nothing there. */
import { hash32, type Random, seededRandom } from '../../src/core/random.ts';

export class Dice {
  readonly random: Random;
  private readonly seed: number;

  constructor(seed: number) {
    this.seed = seed;
    this.random = seededRandom(seed);
  }

  /** Independent dice for the part called `name`; the same name gives the same dice. */
  fork(name: string): Dice {
    return new Dice(hash32(`${this.seed}/${name}`));
  }

  /** True with `probability`. */
  chance(probability: number): boolean {
    return this.random.next() < probability;
  }

  /** A number in [from, to). */
  between(from: number, to: number): number {
    return from + this.random.next() * (to - from);
  }

  /** A whole number in [from, to]. */
  int(from: number, to: number): number {
    return Math.floor(this.between(from, to + 1));
  }

  /** Mostly small, sometimes large: what latencies and durations look like. */
  skewed(from: number, to: number): number {
    return from + (to - from) * this.random.next() ** 4;
  }

  pick<T>(list: readonly T[]): T {
    const item = list[this.int(0, list.length - 1)];
    if (item === undefined) throw new RangeError('nothing to pick from');
    return item;
  }
}
