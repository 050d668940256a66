/** What a step says beyond its kind: what it reads of others, of its iteration, and what it makes of its result. With dice of its own. */
import type { StepDefinition } from '../../src/workflow/definition.ts';
import type { Dice } from './dice.ts';

/** `first`: something that it depends on. */
export function vary(step: StepDefinition, first: string | undefined, dice: Dice): StepDefinition {
  const guarded = first === undefined ? step : readsAnother(step, first, dice.fork('reads'));
  return shapes(guarded, dice.fork('shape'));
}

/** Conditions, values and guards over the step before. */
function readsAnother(step: StepDefinition, first: string, dice: Dice): StepDefinition {
  const number = `default(steps.${first}.output.n, 0)`;
  const guard = dice.pick([`steps.${first}.status == 'COMPLETED'`, `steps.${first}.attempt < 3`, `${number} < 7`]);
  const guarded = step.when === undefined && dice.chance(0.06) ? { ...step, when: guard } : step;
  if (!dice.chance(0.35)) return guarded;
  switch (guarded.type) {
    case 'condition':
      return { ...guarded, if: dice.pick([`${number} > 4`, guard]) };
    case 'switch':
      return { ...guarded, switch: number };
    case 'set':
      return {
        ...guarded,
        set: {
          status: `\${{ steps.${first}.status }}`,
          attempts: `\${{ steps.${first}.attempt }}`,
          code: `\${{ default(steps.${first}.error.code, 'none') }}`,
          text: `n is \${{ ${number} }} of \${{ params.n }}`,
        },
      };
    default:
      return guarded;
  }
}

/** Blocks that make something of what is in them. */
function shapes(step: StepDefinition, dice: Dice): StepDefinition {
  switch (step.type) {
    case 'parallel':
      return dice.chance(0.15) ? { ...step, output: { all: '${{ result }}', of: '${{ size(result) }}' } } : step;
    case 'sequential':
    case 'condition':
    case 'switch':
    case 'loop':
      return dice.chance(0.1) ? { ...step, output: { given: '${{ result }}', n: '${{ params.n }}' } } : step;
    default:
      return step;
  }
}

/** Steps of a body that look at their iteration and at the one before. */
export function readsIteration(body: readonly StepDefinition[], dice: Dice): readonly StepDefinition[] {
  return body.map((step) => {
    const luck = dice.fork(step.id);
    if (!luck.chance(0.4)) return step;
    const seen = { i: '${{ iteration }}', before: '${{ last }}' };
    if (step.type === 'agent') return { ...step, parameters: seen };
    if (step.type === 'set') return { ...step, set: { ...seen, n: '${{ iteration * 2 }}' } };
    return step.when === undefined && luck.chance(0.3) ? { ...step, when: 'iteration < 3 || last != null' } : step;
  });
}
