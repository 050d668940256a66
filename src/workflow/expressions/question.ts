/** Expressions that must say yes or no: `when`, `if`, `while`, `until`, `assert`. */
import { YardmasterError } from '../../core/errors.ts';
import type { Expression } from '../compiled.ts';
import { compileCondition, type Names } from './expression.ts';
import { kindOfJson } from './navigate.ts';
import type { Spot } from './prepare.ts';

type QuestionSpot = Extract<Spot, 'when' | 'if' | 'while' | 'until' | 'assert'>;

/** `stepId` is for the message alone. Throws BAD_EXPRESSION or UNKNOWN_STEP; the evaluation too, when the answer is neither true nor false. */
export function compileQuestion(text: string, spot: QuestionSpot, stepId: string, names: Names): Expression {
  const condition = compileCondition(text, spot, names);
  return {
    ...condition,
    evaluate: (scope) => {
      const answer = condition.evaluate(scope);
      if (typeof answer === 'boolean') return answer;
      // Anything else taken for false would skip a step, or run the wrong branch, in silence.
      const fact = `"${spot}" of step "${stepId}" must be true or false; it is ${withArticle(kindOfJson(answer))}`;
      throw new YardmasterError('BAD_EXPRESSION', fact, {
        next: 'compare it with something, or ask has(...) or default(..., false)',
      });
    },
  };
}

function withArticle(kind: string): string {
  if (kind === 'object') return 'an object';
  return kind.startsWith('list') ? `a ${kind}` : kind;
}
