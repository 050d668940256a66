/** Steps that nobody works on: they wait for a time or for a signal. */
import type { JsonObject } from '../core/json.ts';
import type { CompiledNode, CompiledNodeCommon, CompiledSignalNode, CompiledWaitNode } from './compiled.ts';
import type { SignalStepDefinition, WaitStepDefinition } from './definition.ts';
import type { Names } from './expressions/expression.ts';
import { compileOutput, compileTemplate } from './expressions/template.ts';
import { isTimeText } from './wait-times.ts';

export function compileWait(step: WaitStepDefinition, common: CompiledNodeCommon, names: Names): CompiledWaitNode {
  return { ...common, kind: 'wait', end: compileEnd(step, names), onFailure: step.onFailure ?? 'fail' };
}

function compileEnd({ forMs, for: length, until }: WaitStepDefinition, names: Names): CompiledWaitNode['end'] {
  if (until === undefined) return { kind: 'for', template: compileTemplate(length ?? forMs ?? 0, 'input', names) };
  const compile = isTimeText(until) ? compileTemplate : compileOutput;
  return { kind: 'until', template: compile(until, 'input', names) };
}

export function compileSignal(
  step: SignalStepDefinition,
  common: CompiledNodeCommon,
  names: Names,
): CompiledSignalNode {
  return {
    ...common,
    kind: 'signal',
    signal: step.signal,
    title: step.title === undefined ? undefined : compileTemplate(step.title, 'input', names),
    answerers: step.answerers ?? [],
    form: step.form,
    timeoutMs: step.timeoutMs === 0 ? undefined : step.timeoutMs,
    default: step.default === undefined ? undefined : compileTemplate(step.default, 'input', names),
    onFailure: step.onFailure ?? 'fail',
  };
}

/** All steps that wait for the same signal name the same answerers (checked at registration). */
export function signalsOf(nodes: readonly CompiledNode[]): ReadonlyMap<string, readonly string[]> {
  const signals = new Map<string, readonly string[]>();
  for (const node of nodes) if (node.kind === 'signal') signals.set(node.signal, node.answerers);
  return signals;
}

/** As with answerers, all steps that wait for the same signal state the same form. */
export function formsOf(nodes: readonly CompiledNode[]): ReadonlyMap<string, JsonObject> {
  const forms = new Map<string, JsonObject>();
  for (const node of nodes) if (node.kind === 'signal' && node.form !== undefined) forms.set(node.signal, node.form);
  return forms;
}
