/** A seed that fails is made smaller, and what is printed fails again. */
import { expect, it } from 'vitest';
import { readPart, showPart } from './part.ts';
import { plantedBugs } from './planted/planted-bugs.ts';
import type { SimSettings } from './settings.ts';
import { shrink } from './shrink.ts';
import { type SimResult, simulate } from './simulate.ts';

it('shrinks a failing seed to a part of its runs, faults and steps that breaks the same invariant, and can be repeated', async () => {
  const bug = plantedBugs.find(({ name }) => name === 'one try more than the policy');
  const { options: planted, remove } = bug?.plant() ?? expect.unreachable();
  // What schedules start is no part of it.
  const options = { ...planted, adjust: (settings: SimSettings): SimSettings => ({ ...settings, schedules: 0 }) };
  try {
    let whole = await simulate(1, options);
    const isWorth = ({ invariant, plan }: SimResult): boolean =>
      invariant !== undefined && plan.runs > 3 && plan.faults > 3;
    for (let seed = 2; !isWorth(whole); seed++) whole = await simulate(seed, options);
    const { part, result } = await shrink(whole, options);
    expect(result.invariant).toBe(whole.invariant);
    expect(result.runs).toBeLessThanOrEqual(whole.plan.runs);
    expect(part.runs).toEqual({ from: expect.any(Number), to: expect.any(Number) });
    // This bug needs one run, and few faults.
    expect((part.runs?.to ?? 9) - (part.runs?.from ?? 0)).toBe(1);
    expect((part.faults?.to ?? 9) - (part.faults?.from ?? 0)).toBeLessThan(whole.plan.faults);

    const again = await simulate(whole.seed, { ...options, part: readPart(flagsOf(showPart(part))) });
    expect({ digest: again.digest, invariant: again.invariant }).toEqual({
      digest: result.digest,
      invariant: whole.invariant,
    });
  } finally {
    remove();
  }
});

it('says which flag of a part cannot be read', () => {
  expect(() => readPart({ runs: '3' })).toThrow('--runs takes a range such as 2..5');
  expect(() => readPart({ steps: 'two' })).toThrow('--steps takes whole numbers; it is "two"');
  expect(() => readPart({ without: 'rain' })).toThrow('--without takes agentKilled');
});

/** `--runs 0..1 --steps 2` as parseArgs gives it. */
function flagsOf(command: string): Record<string, string> {
  return Object.fromEntries([...command.matchAll(/--(\w+) (\S+)/g)].map(([, flag = '', value = '']) => [flag, value]));
}
