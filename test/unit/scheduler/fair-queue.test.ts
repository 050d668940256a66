import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FairQueue, type Turn } from '../../../src/control-plane/scheduler/fair-queue.ts';

interface Member extends Turn {
  readonly name: number;
  readonly weight: number;
}

function members(weights: readonly number[]): Member[] {
  return weights.map((weight, name) => ({ name, weight, turn: 0, arrival: 0, place: -1 }));
}

const actions = fc.array(
  fc.record({
    do: fc.constantFrom('join', 'leave', 'serve', 'serve'),
    who: fc.nat(19),
    weight: fc.integer({ min: 1, max: 9 }),
  }),
  { maxLength: 200, size: 'max' },
);

describe('the queue of turns', () => {
  it('always has the member with the lowest turn first, however members come and go', () => {
    fc.assert(
      fc.property(actions, (history) => {
        const all = members(Array.from({ length: 20 }, () => 1));
        const queue = new FairQueue<Member>({ steps: 0 });
        for (const { do: action, who, weight } of history) {
          const member = all[who];
          if (member === undefined) continue;
          if (action === 'join') queue.join(member);
          else if (action === 'leave') queue.leave(member);
          else if (queue.first !== undefined) queue.served(queue.first, weight);
          const [lowest] = all
            .filter((each) => each.place >= 0)
            .sort((a, b) => a.turn - b.turn || a.arrival - b.arrival);
          if (queue.first?.name !== lowest?.name) throw new Error(`${queue.first?.name} is before ${lowest?.name}`);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('gives each member turns in proportion to its weight', () => {
    const all = members([1, 2, 5]);
    const queue = new FairQueue<Member>({ steps: 0 });
    for (const member of all) queue.join(member);
    const turns = [0, 0, 0];
    for (let n = 0; n < 800; n += 1) {
      const { first } = queue;
      if (first === undefined) break;
      turns[first.name] = (turns[first.name] ?? 0) + 1;
      queue.served(first, first.weight);
    }
    expect(turns).toEqual([100, 200, 500]);
  });
});
