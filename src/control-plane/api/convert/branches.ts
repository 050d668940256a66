/** `condition` and `switch`: proto to the normal form and back. How their steps are read and written is handed in. */
import type { ConditionBlock, Step, SwitchBlock } from '../../../gen/yardmaster/v1/step_pb.ts';
import type {
  ConditionStepDefinition,
  JsonScalar,
  StepCommon,
  StepDefinition,
  SwitchCase,
  SwitchStepDefinition,
} from '../../../workflow/definition.ts';
import type { Faults } from './faults.ts';
import { readTemplate, writeTemplate } from './json.ts';

type ReadSteps = (faults: Faults, pointer: string, steps: readonly Step[]) => readonly StepDefinition[];
type WriteStep = (step: StepDefinition) => Step;

export function readCondition(
  faults: Faults,
  pointer: string,
  block: ConditionBlock,
  readSteps: ReadSteps,
): Omit<ConditionStepDefinition, keyof StepCommon> {
  const { condition, thenSteps, elseSteps } = block;
  return {
    type: 'condition',
    if: condition,
    then: readSteps(faults, `${pointer}.then_steps`, thenSteps),
    ...(elseSteps.length > 0 && { else: readSteps(faults, `${pointer}.else_steps`, elseSteps) }),
  };
}

export function writeCondition(step: ConditionStepDefinition, write: WriteStep) {
  return { condition: step.if, thenSteps: step.then.map(write), elseSteps: (step.else ?? []).map(write) };
}

export function readSwitch(
  faults: Faults,
  pointer: string,
  { value, cases, defaultSteps }: SwitchBlock,
  readSteps: ReadSteps,
): Omit<SwitchStepDefinition, keyof StepCommon> {
  return {
    type: 'switch',
    switch: value,
    cases: cases.map(({ equals, steps }, i): SwitchCase => {
      const at = `${pointer}.cases[${i}]`;
      const given = readTemplate(faults, `${at}.equals`, equals);
      if (!isScalar(given)) faults.add(`${at}.equals`, 'must be text, a number, a boolean or null');
      return { equals: isScalar(given) ? given : null, steps: readSteps(faults, `${at}.steps`, steps) };
    }),
    ...(defaultSteps.length > 0 && { default: readSteps(faults, `${pointer}.default_steps`, defaultSteps) }),
  };
}

export function writeSwitch(step: SwitchStepDefinition, write: WriteStep) {
  return {
    value: step.switch,
    cases: step.cases.map(({ equals, steps }) => ({ equals: writeTemplate(equals), steps: steps.map(write) })),
    defaultSteps: (step.default ?? []).map(write),
  };
}

function isScalar(value: unknown): value is JsonScalar {
  return value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
