/** What an attempt has to wait for besides an agent: the key that its step shares with others. */
import type { JsonValue } from '../../../src/core/json.ts';
import type { AgentStepDefinition } from '../../../src/workflow/definition.ts';
import { show } from './compare.ts';
import type { Context } from './context.ts';
import type { End, StepFacts } from './facts.ts';
import type { Place } from './outline.ts';

/** It is evaluated with the input, once. Answers how that fails the step. */
export function keyFailure(
  run: Context,
  place: Place,
  { concurrencyKey }: AgentStepDefinition,
  { started, end, key }: StepFacts,
): End | undefined {
  if (concurrencyKey === undefined) {
    if (key !== undefined) run.fault(place, `it has the key ${show(key)}, and there is none`);
    return undefined;
  }
  const made = run.read('template', concurrencyKey.key, place, 'input', started?.at ?? end?.at ?? 0);
  if (!made.ok) return { status: 'FAILED', code: made.code };
  const said = textOf(made.value);
  if (started !== undefined && key !== said) run.fault(place, `its key is ${show(key)} instead of ${show(said)}`);
  return undefined;
}

/** Null or nothing stands for no key. */
function textOf(value: JsonValue): string | undefined {
  if (value === null || value === '') return undefined;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
