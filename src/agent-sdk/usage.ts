/** What an attempt has used, summed up by name. */
import { YardmasterError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';

export class UsageTotals {
  readonly #stepPath: string;
  readonly #totals = new Map<string, number>();

  constructor(stepPath: string) {
    this.#stepPath = stepPath;
  }

  /** Answers the sums. Throws INVALID_VALUE and LIMIT, and then counts nothing of it. */
  add(counters: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
    const entries = Object.entries(counters);
    for (const [name, value] of entries) {
      if (name === '' || name.length > limits.usageNameCharsMax) {
        this.#refuse('INVALID_VALUE', `a name has ${name.length} characters, not 1 to ${limits.usageNameCharsMax}`);
      }
      if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
        this.#refuse('INVALID_VALUE', `"${name}" is ${String(value)}, not a number from 0 on`);
      }
    }
    const names = new Set([...this.#totals.keys(), ...entries.map(([name]) => name)]);
    if (names.size > limits.usageCountersMax) {
      this.#refuse('LIMIT', `it has ${names.size} names, at most ${limits.usageCountersMax} are kept`);
    }
    for (const [name, value] of entries) {
      this.#totals.set(name, Math.min(Number.MAX_VALUE, (this.#totals.get(name) ?? 0) + value));
    }
    return Object.fromEntries(this.#totals);
  }

  #refuse(code: string, fact: string): never {
    throw new YardmasterError(code, `Cannot count what step "${this.#stepPath}" uses: ${fact}`);
  }
}
