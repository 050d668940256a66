/** The lists of steps that stand inside a step. Steps of one list are siblings; a condition has one per branch. */
import type { AttachedKind, AttachedStepDefinition, StepDefinition } from './definition.ts';
import type { Path } from './finding.ts';

export interface NestedList {
  /** Its place, from the step on. */
  readonly path: Path;
  readonly steps: readonly StepDefinition[];
  /** It is one step, which stands at that place itself. */
  readonly isOne?: true;
}

export function nestedLists(step: StepDefinition): readonly NestedList[] {
  switch (step.type) {
    case 'agent':
    case 'set':
    case 'wait':
    case 'signal':
    case 'workflow':
      return [];
    case 'parallel':
    case 'sequential':
      return [{ path: ['steps'], steps: step.steps }];
    case 'condition':
      return [
        { path: ['then'], steps: step.then },
        { path: ['else'], steps: step.else ?? [] },
      ];
    case 'switch':
      return [
        ...step.cases.map(({ steps }, i) => ({ path: ['cases', i, 'steps'], steps })),
        { path: ['default'], steps: step.default ?? [] },
      ];
    case 'loop':
      return [{ path: ['body'], steps: step.body }];
    case 'map':
      return [{ path: ['step'], steps: [step.step], isOne: true }];
  }
}

/** The steps directly inside a step, of all its lists. */
export function nestedSteps(step: StepDefinition): readonly StepDefinition[] {
  return nestedLists(step).flatMap(({ steps }) => steps);
}

export interface AttachedStep {
  readonly kind: AttachedKind;
  readonly step: AttachedStepDefinition;
}

/** The steps that belong to a step. They stand in no list: nothing is beside them. */
export function attachedSteps({ fallback, compensate }: StepDefinition): readonly AttachedStep[] {
  return [
    ...(fallback === undefined ? [] : [{ kind: 'fallback', step: fallback } as const]),
    ...(compensate === undefined ? [] : [{ kind: 'compensate', step: compensate } as const]),
  ];
}

/** A step's own, then those in its lists: for whoever visits every step. */
export function stepsWithin(step: StepDefinition): readonly StepDefinition[] {
  return [...attachedSteps(step).map((attached) => attached.step), ...nestedSteps(step)];
}
