/** Looks for planted bugs: how many seeds each takes, and which invariant saw it. */
import { withoutOperator } from '../settings.ts';
import { type SimOptions, simulate } from '../simulate.ts';
import { plantedBugs } from './planted-bugs.ts';
import type { Planted, PlantedBug } from './seams.ts';

export interface Found {
  readonly name: string;
  readonly seedsMax: number;
  /** Seeds simulated until one failed; undefined when none did. */
  readonly seeds: number | undefined;
  readonly invariant: string;
}

/** In worlds without an operator, unless the bug is of one: so many more can happen there that fewer of the rest do. */
export function worldOf({ options }: Planted): SimOptions & Required<Pick<SimOptions, 'adjust'>> {
  const { adjust = (settings) => settings } = options;
  return { ...options, adjust: (settings) => adjust(withoutOperator(settings)) };
}

export async function find(bug: PlantedBug): Promise<Found> {
  const { name, seedsMax } = bug;
  const planted = bug.plant();
  const options = worldOf(planted);
  try {
    for (let seed = 1; seed <= seedsMax; seed++) {
      const { invariant } = await simulate(seed, options);
      if (invariant !== undefined) return { name, seedsMax, seeds: seed, invariant };
    }
    return { name, seedsMax, seeds: undefined, invariant: '' };
  } finally {
    planted.remove();
  }
}

export async function findAll(): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const bug of plantedBugs) found.push(await find(bug));
  return found;
}

export function table(found: readonly Found[]): string {
  const rows = found.map(({ name, seedsMax, seeds, invariant }) => [
    name,
    seeds === undefined ? 'not found' : `seed ${seeds}`,
    `at most ${seedsMax}`,
    invariant,
  ]);
  const all = [['planted bug', 'found by', 'allowed', 'invariant that saw it'], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')).join('\n');
}
