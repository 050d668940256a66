/**
 * The smallest part of a seed that still breaks the same invariant: fewer runs, then fewer faults and kinds of them, then smaller
 * workflows, again and again until nothing can be left out. A part is another world, so every step of it is tried, not derived.
 */
import type { FaultKind } from './faults.ts';
import type { Part, Range } from './part.ts';
import { type SimOptions, type SimResult, simulate } from './simulate.ts';

const SIMULATIONS_MAX = 200;

export interface Shrunk {
  readonly part: Part;
  readonly result: SimResult;
  readonly simulations: number;
}

/** `result`: of the whole seed; it failed. */
export async function shrink(result: SimResult, options: SimOptions = {}): Promise<Shrunk> {
  const shrinker = new Shrinker(result, options);
  await shrinker.run();
  return { part: shrinker.part, result: shrinker.best, simulations: shrinker.simulations };
}

class Shrinker {
  part: Part;
  best: SimResult;
  simulations = 0;
  private readonly options: SimOptions;

  constructor(result: SimResult, options: SimOptions) {
    this.options = options;
    this.best = result;
    this.part = {
      ...options.part,
      runs: options.part?.runs ?? { from: 0, to: result.plan.runs },
      faults: options.part?.faults ?? { from: 0, to: result.plan.faults },
      steps: options.part?.steps ?? result.plan.steps,
    };
  }

  async run(): Promise<void> {
    for (let before = ''; before !== JSON.stringify(this.part); ) {
      before = JSON.stringify(this.part);
      await this.narrow('runs');
      await this.narrow('faults');
      for (const kind of this.best.plan.kinds) await this.without(kind);
      await this.fewerSteps();
    }
  }

  /** Leaves out ever smaller pieces at either end, from a half down to one. */
  private async narrow(key: 'runs' | 'faults'): Promise<void> {
    const range = (): Range => this.part[key] ?? { from: 0, to: 0 };
    for (let size = Math.ceil((range().to - range().from) / 2); size >= 1; ) {
      const { from, to } = range();
      const tries: readonly Range[] = [
        { from, to: to - size },
        { from: from + size, to },
      ];
      let isNarrower = false;
      for (const less of to - from >= size ? tries : [])
        isNarrower ||= await this.holds(key === 'runs' ? { runs: less } : { faults: less });
      if (!isNarrower) size = size === 1 ? 0 : Math.ceil(size / 2);
    }
  }

  private async without(kind: FaultKind): Promise<void> {
    const { without = [] } = this.part;
    if (!without.includes(kind)) await this.holds({ without: [...without, kind] });
  }

  private async fewerSteps(): Promise<void> {
    let low = 1;
    while (low < (this.part.steps ?? 0)) {
      const middle = Math.floor((low + (this.part.steps ?? 0)) / 2);
      if (!(await this.holds({ steps: middle }))) low = middle + 1;
    }
  }

  /** Takes the smaller part when the same invariant breaks in it. */
  private async holds(less: Partial<Part>): Promise<boolean> {
    if (this.simulations >= SIMULATIONS_MAX) return false;
    this.simulations += 1;
    const part = { ...this.part, ...less };
    const result = await simulate(this.best.seed, { ...this.options, part });
    if (result.invariant !== this.best.invariant) return false;
    this.part = part;
    this.best = result;
    return true;
  }
}
