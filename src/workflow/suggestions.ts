/** "Did you mean" for one check: comparing every wrong name with 10,000 ids would take longer than the check itself. */
import { nearest } from '../core/nearest.ts';

const SUGGESTIONS_MAX = 20;

export class Suggestions {
  #left = SUGGESTIONS_MAX;

  nearest(word: string, names: Iterable<string>): string | undefined {
    if (this.#left === 0) return undefined;
    this.#left--;
    return nearest(word, names);
  }
}
