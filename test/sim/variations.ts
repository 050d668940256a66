/** What a step says beyond its kind: what it reads of others, of its iteration, and what it makes of its result. With dice of its own. */
import type { StepDefinition } from '../../src/workflow/definition.ts';
import type { Dice } from './dice.ts';

/** `first`: something that it depends on. */
export function vary(step: StepDefinition, first: string | undefined, dice: Dice): StepDefinition {
  const guarded = first === undefined ? step : readsAnother(step, first, dice.fork('reads'));
  return asserts(shapes(guarded, dice.fork('shape')), dice.fork('assert'));
}

/** Steps that are no agent's, and what they hold of their output. */
function asserts(step: StepDefinition, dice: Dice): StepDefinition {
  if (step.type === 'agent' || !dice.chance(0.06)) return step;
  return { ...step, assert: dice.pick(['output != null', 'params.n < 8', 'output == result', 'output.n < 8']) };
}

/** Conditions, values and guards over the step before. */
function readsAnother(step: StepDefinition, first: string, dice: Dice): StepDefinition {
  const source = `steps.${first}.output`;
  const number = `default(${source}.n, 0)`;
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
    case 'map':
      return { ...guarded, items: dice.pick([`[${number}, params.n]`, `[${number}, [${number}], 3]`, source]) };
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
    case 'workflow':
      return dice.chance(0.1) ? { ...step, output: { given: '${{ result }}', n: '${{ params.n }}' } } : step;
    case 'map':
      return dice.chance(0.2) ? { ...step, output: dice.pick(outputsOfMap) } : step;
    default:
      return step;
  }
}

const outputsOfMap = ['result.filter(x, x != null)', 'size(result)', { all: '${{ result }}', n: '${{ params.n }}' }];

/** Steps of a body that look at their iteration and at the one before. */
export function readsIteration(body: readonly StepDefinition[], dice: Dice): readonly StepDefinition[] {
  return body.map((step) => {
    const luck = dice.fork(step.id);
    if (!luck.chance(0.4)) return step;
    const seen = { i: '${{ iteration }}', before: '${{ last }}' };
    if (step.type === 'agent') return { ...step, parameters: seen };
    if (step.type === 'map' && luck.chance(0.5)) return { ...step, items: '[iteration, last, params.n]' };
    if (step.type === 'set') return { ...step, set: { ...seen, n: '${{ iteration * 2 }}' } };
    return step.when === undefined && luck.chance(0.3) ? { ...step, when: 'iteration < 3 || last != null' } : step;
  });
}

/** Steps of a map that look at their item, also from within blocks. */
export function readsItem(step: StepDefinition, dice: Dice): StepDefinition {
  const luck = dice.fork(step.id);
  const seen = { item: '${{ item }}', i: '${{ index }}' };
  const guarded = step.when === undefined && luck.chance(0.15) ? { ...step, when: luck.pick(itemGuards) } : step;
  switch (guarded.type) {
    case 'agent':
      return luck.chance(0.3) ? { ...guarded, parameters: seen } : guarded;
    case 'workflow':
      return luck.chance(0.5) ? { ...guarded, parameters: seen } : guarded;
    case 'set':
      return luck.chance(0.5) ? { ...guarded, set: { ...seen, twice: '${{ index * 2 }}' } } : guarded;
    case 'sequential':
    case 'parallel':
      return { ...guarded, steps: guarded.steps.map((child) => readsItem(child, dice)) };
    case 'map':
      return luck.chance(0.4) ? { ...guarded, items: '[item, index]' } : guarded;
    case 'loop':
      return { ...guarded, body: guarded.body.map((child) => readsItem(child, dice)) };
    default:
      return guarded;
  }
}

const itemGuards = ['index != 1', 'item != null', 'index < 2 || params.flag'];
