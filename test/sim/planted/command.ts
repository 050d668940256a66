/** `npm run sim -- --planted [NAME]`: the table of planted bugs. Answers the exit code. */
import { type Found, find, table } from './find.ts';
import { plantedBugs } from './planted-bugs.ts';

export async function findPlanted(name: string): Promise<number> {
  const bugs = plantedBugs.filter((bug) => bug.name.includes(name));
  if (bugs.length === 0) {
    console.error(`No planted bug is called "${name}". There are: ${plantedBugs.map((bug) => bug.name).join('; ')}`);
    return 64;
  }
  const found: Found[] = [];
  for (const bug of bugs) found.push(await find(bug));
  console.log(table(found));
  return found.every(({ seeds }) => seeds !== undefined) ? 0 : 1;
}
