/** Which branch of a `condition` or a `switch` runs. */
import type { Choice } from '../compiled.ts';
import type { ConditionStepDefinition, SwitchStepDefinition } from '../definition.ts';
import { compileCondition, type Names } from './expression.ts';
import { compileQuestion } from './question.ts';

/** Throws BAD_EXPRESSION or UNKNOWN_STEP. */
export function compileChoice(step: ConditionStepDefinition | SwitchStepDefinition, names: Names): Choice {
  return step.type === 'condition' ? compileIf(step, names) : compileSwitch(step, names);
}

function compileIf({ id, if: text }: ConditionStepDefinition, names: Names): Choice {
  const question = compileQuestion(text, 'if', id, names);
  return { reads: question.reads, choose: (scope) => (question.evaluate(scope) === true ? 0 : 1) };
}

function compileSwitch({ cases, switch: text }: SwitchStepDefinition, names: Names): Choice {
  const value = compileCondition(text, 'switch', names);
  return {
    reads: value.reads,
    choose: (scope) => {
      const given = value.evaluate(scope);
      const found = cases.findIndex(({ equals }) => equals === given);
      return found === -1 ? cases.length : found;
    },
  };
}
