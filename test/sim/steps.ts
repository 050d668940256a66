/** Steps of a definition, changed where they stand. */
import type { StepDefinition } from '../../src/workflow/definition.ts';

/** Those in blocks, too; what stands in a map is not looked into. */
export function mapSteps(
  steps: readonly StepDefinition[],
  change: (step: StepDefinition) => StepDefinition,
): StepDefinition[] {
  const all = (list: readonly StepDefinition[]): StepDefinition[] => mapSteps(list, change);
  return steps.map((step) => {
    switch (step.type) {
      case 'parallel':
      case 'sequential':
        return { ...step, steps: all(step.steps) };
      case 'condition':
        return { ...step, then: all(step.then), ...(step.else === undefined ? {} : { else: all(step.else) }) };
      case 'switch': {
        const cases = step.cases.map(({ equals, steps: inside }) => ({ equals, steps: all(inside) }));
        return { ...step, cases, ...(step.default === undefined ? {} : { default: all(step.default) }) };
      }
      case 'loop':
        return { ...step, body: all(step.body) };
      default:
        return change(step);
    }
  });
}
