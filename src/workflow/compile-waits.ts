/** Steps that nobody works on: they wait for a time or for a signal. */
import type { CompiledNode, CompiledNodeCommon, CompiledSignalNode, CompiledWaitNode } from './compiled.ts';
import type { SignalStepDefinition, WaitStepDefinition } from './definition.ts';
import type { IndexOf } from './expressions/expression.ts';
import { compileOutput, compileTemplate } from './expressions/template.ts';
import { isTimeText } from './wait-times.ts';

export function compileWait(step: WaitStepDefinition, common: CompiledNodeCommon, indexOf: IndexOf): CompiledWaitNode {
  return { ...common, kind: 'wait', end: compileEnd(step, indexOf), onFailure: step.onFailure ?? 'fail' };
}

function compileEnd({ forMs, for: length, until }: WaitStepDefinition, indexOf: IndexOf): CompiledWaitNode['end'] {
  if (until === undefined) return { kind: 'for', template: compileTemplate(length ?? forMs ?? 0, 'input', indexOf) };
  const compile = isTimeText(until) ? compileTemplate : compileOutput;
  return { kind: 'until', template: compile(until, 'input', indexOf) };
}

export function compileSignal(
  step: SignalStepDefinition,
  common: CompiledNodeCommon,
  indexOf: IndexOf,
): CompiledSignalNode {
  return {
    ...common,
    kind: 'signal',
    signal: step.signal,
    title: step.title === undefined ? undefined : compileTemplate(step.title, 'input', indexOf),
    answerers: step.answerers ?? [],
    timeoutMs: step.timeoutMs === 0 ? undefined : step.timeoutMs,
    default: step.default === undefined ? undefined : compileTemplate(step.default, 'input', indexOf),
    onFailure: step.onFailure ?? 'fail',
  };
}

/** All steps that wait for the same signal name the same answerers (checked at registration). */
export function signalsOf(nodes: readonly CompiledNode[]): ReadonlyMap<string, readonly string[]> {
  const signals = new Map<string, readonly string[]>();
  for (const node of nodes) if (node.kind === 'signal') signals.set(node.signal, node.answerers);
  return signals;
}
