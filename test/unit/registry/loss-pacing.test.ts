import { describe, expect, it } from 'vitest';
import type { HeldAttempt } from '../../../src/control-plane/registry/instance.ts';
import { LossBudget, LossPace } from '../../../src/control-plane/registry/loss-pacing.ts';

function connected(count: number): LossBudget {
  const budget = new LossBudget();
  for (let i = 0; i < count; i++) budget.joined();
  return budget;
}

const believed = (budget: LossBudget, times: readonly number[]): number => times.filter((at) => budget.lost(at)).length;

describe('the budget of losses', () => {
  it('believes three in one second, however small the fleet is', () => {
    expect(believed(connected(5), [0, 0, 1, 2, 3])).toBe(3);
  });

  it('believes a tenth of those that were connected as the second began', () => {
    expect(
      believed(
        connected(100),
        Array.from({ length: 100 }, () => 0),
      ),
    ).toBe(10);
  });

  it('begins anew when a second without losses is over', () => {
    const budget = connected(20);
    expect(believed(budget, [0, 0, 0, 999])).toBe(3);
    expect(believed(budget, [999, 1_000])).toBe(1);
    expect(believed(budget, [2_100, 2_100, 2_100, 2_100])).toBe(3);
  });

  it('does not count who left on purpose', () => {
    const budget = connected(10);
    for (let i = 0; i < 5; i++) budget.left();
    expect(believed(budget, [0, 0, 0, 0])).toBe(3);
  });
});

const attempts = (count: number, isFenced = false): HeldAttempt[] =>
  Array.from({ length: count }, (_, i) => ({ attemptId: `r/s${i}#1`, isFenced }) as HeldAttempt);

describe('the pace after a window', () => {
  it('moves 50 at once, and 50 a second after that', () => {
    const pace = new LossPace();
    const moved = [0, 250, 500, 750, 1_000].map((at) => pace.take(attempts(200), at, () => 200).length);
    expect(moved).toEqual([50, 12, 13, 12, 13]);
  });

  it('moves a tenth of what is in flight when that is more', () => {
    expect(new LossPace().take(attempts(1_000), 0, () => 3_000)).toHaveLength(300);
  });

  it('shares its room among instances, and does not save it for later', () => {
    const pace = new LossPace();
    expect(pace.take(attempts(30), 0, () => 0)).toHaveLength(30);
    expect(pace.take(attempts(30), 0, () => 0)).toHaveLength(20);
    expect(pace.take(attempts(300), 60_000, () => 0)).toHaveLength(50);
  });

  it('does not count what is with others already', () => {
    const pace = new LossPace();
    expect(pace.take([...attempts(100, true), ...attempts(60)], 0, () => 0)).toHaveLength(150);
  });
});
