/** The proof that the simulator bites: each known-bad variant is found within its number of seeds. */
import { expect, it } from 'vitest';
import { findAll, table } from '../sim/planted/find.ts';
import { plantedBugs } from '../sim/planted/planted-bugs.ts';
import { simulate } from '../sim/simulate.ts';

it('finds each of the twelve planted bugs within the stated number of seeds', async () => {
  const found = await findAll();
  console.log(table(found));
  expect(found).toHaveLength(12);
  expect(found.filter(({ seeds }) => seeds === undefined)).toEqual([]);
});

it('finds nothing in the same seeds when the same faults strike and no bug is planted', async () => {
  for (const bug of plantedBugs) {
    const { options, remove } = bug.plant();
    remove();
    const { adjust } = options;
    for (let seed = 1; seed <= 8; seed++) {
      const { invariant, message } = await simulate(seed, adjust === undefined ? {} : { adjust });
      expect(invariant, `${bug.name}, seed ${seed}: ${message}`).toBeUndefined();
    }
  }
});
