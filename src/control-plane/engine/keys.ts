/** The concurrency key of a step: text that is evaluated with its input, once. */
import { YardmasterError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import type { Draft } from './decision.ts';
import { evaluateJson } from './outputs.ts';
import type { AgentStep } from './state.ts';

/** Undefined: it has none. Throws MissingValues, and what its expression throws. */
export function evaluateKey(draft: Draft, { node, frame, path }: AgentStep): string | undefined {
  if (node.concurrencyKey === undefined) return undefined;
  const given = evaluateJson(draft, frame, node.concurrencyKey.template);
  if (given === null || given === '') return undefined;
  const subject = `Cannot start "${path}": its "concurrencyKey"`;
  if (typeof given === 'object')
    throw new YardmasterError('BAD_EXPRESSION', `${subject} gave ${kindOf(given)}, not text`);
  const key = String(given);
  if (key.length <= limits.keyCharsMax) return key;
  throw new YardmasterError('LIMIT', `${subject} has ${key.length} characters, at most ${limits.keyCharsMax}`);
}

function kindOf(value: object): string {
  return Array.isArray(value) ? 'a list' : 'an object';
}
