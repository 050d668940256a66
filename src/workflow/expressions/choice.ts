/** Which branch of a `condition` or a `switch` runs. */
import { YardmasterError } from '../../core/errors.ts';
import type { Choice } from '../compiled.ts';
import type { ConditionStepDefinition, SwitchStepDefinition } from '../definition.ts';
import { compileCondition, type Names } from './expression.ts';

/** Throws BAD_EXPRESSION or UNKNOWN_STEP. */
export function compileChoice(step: ConditionStepDefinition | SwitchStepDefinition, names: Names): Choice {
  return step.type === 'condition' ? compileIf(step, names) : compileSwitch(step, names);
}

function compileIf({ id, if: text }: ConditionStepDefinition, names: Names): Choice {
  const condition = compileCondition(text, 'if', names);
  return {
    reads: condition.reads,
    choose: (scope) => {
      const answer = condition.evaluate(scope);
      // Anything else taken for false would run the wrong branch in silence.
      if (typeof answer !== 'boolean') throw notBoolean(id, answer === null ? 'null' : typeof answer);
      return answer ? 0 : 1;
    },
  };
}

function notBoolean(id: string, given: string): YardmasterError {
  return new YardmasterError('BAD_EXPRESSION', `"if" of step "${id}" must be true or false; it is ${given}`, {
    next: 'compare it with something, or ask has(...) or default(..., false)',
  });
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
