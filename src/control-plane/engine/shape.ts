/** What a step makes of its own result where no agent is asked: `output` over the result, then `assert` over both. */
import { YardmasterError } from '../../core/errors.ts';
import type { JsonValue } from '../../core/json.ts';
import type { StoredValue } from '../../core/stored-value.ts';
import type { Draft } from './decision.ts';
import { evaluateTemplate, type LoopView, requireValues, scopeOf } from './outputs.ts';
import type { Step } from './state.ts';

/** Asked only for what the expressions read. Both may throw MissingValues. */
export interface Given {
  result(): JsonValue;
  /** What is stored without an `output`; undefined: nothing. */
  own(): StoredValue | undefined;
  /** Of a loop: what its expressions see of it. */
  readonly loop?: LoopView;
}

/** Throws MissingValues, what an expression throws, and ASSERTION_FAILED. */
export function shapeOutput(draft: Draft, { node, path, frame }: Step, given: Given): StoredValue | undefined {
  const { output: template, assert } = node;
  if (template === undefined && assert === undefined) return given.own();
  const readsResult = template?.reads.result === true || assert !== undefined;
  const extra = {
    ...(readsResult && { result: given.result() }),
    ...(given.loop !== undefined && { loop: given.loop }),
  };
  const output = template === undefined ? given.own() : evaluateTemplate(draft, frame, template, `out/${path}`, extra);
  if (assert === undefined) return output;
  requireValues(draft, frame, assert, extra);
  const shown = output === undefined ? given.result() : draft.read(output);
  if (assert.evaluate(scopeOf(draft, frame, { ...extra, output: shown })) === true) return output;
  throw new YardmasterError('ASSERTION_FAILED', `the result of "${path}" does not satisfy ${assert.source}`);
}
