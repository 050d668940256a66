/** The proof that the simulator bites: each known-bad variant is found within its number of seeds. */
import { expect, it } from 'vitest';
import { findAll, table, worldOf } from '../sim/planted/find.ts';
import { plantedBugs } from '../sim/planted/planted-bugs.ts';
import { simulate } from '../sim/simulate.ts';

it('finds each of the planted bugs within its number of seeds', async () => {
  const found = await findAll();
  console.log(table(found));
  expect(found.length).toBeGreaterThanOrEqual(15);
  expect(found.filter(({ seeds }) => seeds === undefined)).toEqual([]);
});

it('finds nothing in the same seeds when the same faults strike and no bug is planted', async () => {
  const worlds = plantedBugs.map((bug) => {
    const planted = bug.plant();
    planted.remove();
    const isPlain = planted.options.adjust === undefined;
    return { name: bug.name, isPlain, adjust: worldOf(planted).adjust };
  });
  // Bugs that need no faults of their own live in the same worlds.
  const [plain] = worlds.filter(({ isPlain }) => isPlain);
  const others = worlds.filter(({ isPlain }) => !isPlain);
  for (const { name, adjust } of plain === undefined ? others : [plain, ...others]) {
    for (let seed = 1; seed <= 4; seed++) {
      const { invariant, message } = await simulate(seed, { adjust });
      expect(invariant, `${name}, seed ${seed}: ${message}`).toBeUndefined();
    }
  }
});
