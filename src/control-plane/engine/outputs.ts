/**
 * What expressions see of a run, and what a block gives: a parallel an object by child id, a sequential its last child's
 * output, a condition that of its branch's last. Blocks store nothing of their own; their output is put together when it is read.
 */
import type { JsonValue } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import { inlineValue, type StoredValue } from '../../core/stored-value.ts';
import { EMPTY_OBJECT_VALUE, encodeValue, NULL_VALUE } from '../../core/value.ts';
import type { Scope, StepView, Template } from '../../workflow/compiled.ts';
import { type Draft, MissingValues } from './decision.ts';
import type { StepReady } from './events.ts';
import { attemptsOf, childrenOf, type RunState, type Step, stepAt } from './state.ts';

export const EMPTY_INPUT: StoredValue = inlineValue(EMPTY_OBJECT_VALUE);
const NULL_OUTPUT: StoredValue = inlineValue(NULL_VALUE);

/** What one expression of `draft` can see. */
export function scopeOf(draft: Draft, extra?: { readonly result?: JsonValue; readonly output?: JsonValue }): Scope {
  const { state } = draft;
  return {
    params: () => draft.read(state.params),
    step: (node) => viewOf(draft, stepAt(state, node)),
    now: draft.now,
    run: { id: state.runId, namespace: state.namespace, startedAt: state.startedAt },
    workflow: { name: state.workflow.name, version: state.workflow.version },
    ...extra,
  };
}

function viewOf(draft: Draft, step: Step): StepView {
  const attempts = attemptsOf(step);
  const { failure, takenOver } = step.detail ?? {};
  return {
    status: step.status,
    attempt: takenOver?.attempts ?? attempts.length,
    agent: takenOver?.agentId ?? attempts.at(-1)?.agentId,
    error: failure === undefined ? undefined : { code: failure.code, message: failure.message },
    output: () => readOutput(draft, step),
  };
}

function readOutput(draft: Draft, step: Step): JsonValue | undefined {
  if (step.status !== 'COMPLETED') return undefined;
  const stored = step.detail?.output;
  if (stored !== undefined) return draft.read(stored);
  const children = childrenOf(draft.state, step);
  switch (step.node.kind) {
    case 'agent':
    case 'set':
    case 'wait':
    case 'signal':
      return null;
    case 'sequential':
    case 'condition': {
      const last = lastChild(draft.state, step);
      return last === undefined ? null : (readOutput(draft, last) ?? null);
    }
    case 'parallel':
      return readChildren(draft, children);
  }
}

/** The child whose output is the block's; undefined when the branch that ran has none. */
function lastChild(state: RunState, step: Step): Step | undefined {
  const { node, detail } = step;
  if (node.kind !== 'condition') return childrenOf(state, step).at(-1);
  const last = node.branches[detail?.branch ?? -1]?.at(-1);
  return last === undefined ? undefined : stepAt(state, last);
}

function readChildren(draft: Draft, children: readonly Step[]): JsonValue {
  const outputs: Record<string, JsonValue> = {};
  for (const child of children) {
    const output = readOutput(draft, child);
    if (output !== undefined) outputs[child.node.id] = output;
  }
  return outputs;
}

/** Throws MissingValues with everything that `reads` may need and the shell has not loaded, all at once. */
export function requireValues(draft: Draft, template: { readonly reads: Template['reads'] }): void {
  const missing = new Set<string>();
  const want = (value: StoredValue): void => {
    if (value.kind !== 'blob' || value.size > limits.expressionReadBytesMax) return;
    try {
      draft.bytesOf(value);
    } catch {
      missing.add(value.blobId);
    }
  };
  if (template.reads.params) want(draft.state.params);
  for (const node of template.reads.outputs)
    for (const value of storedOutputs(draft.state, stepAt(draft.state, node))) want(value);
  if (missing.size > 0) throw new MissingValues([...missing]);
}

/** The stored values that the output of a step is made of. */
export function storedOutputs(state: RunState, step: Step): readonly StoredValue[] {
  const stored = step.detail?.output;
  if (stored !== undefined) return [stored];
  return childrenOf(state, step).flatMap((child) => storedOutputs(state, child));
}

/**
 * Evaluates a template to a stored value: a whole output is passed on by reference, a constant is encoded, everything else
 * is evaluated. Above the inline size it becomes the blob `blobId` of the run.
 */
export function evaluateTemplate(
  draft: Draft,
  template: Template,
  blobId: string,
  extra?: { readonly result?: JsonValue; readonly output?: JsonValue },
): StoredValue {
  const passed = template.passThrough === undefined ? undefined : passOn(draft, template.passThrough);
  if (passed !== undefined) return passed;
  if (template.constant !== undefined) return storeValue(draft, encodeValue(template.constant), blobId);
  requireValues(draft, template);
  return storeValue(draft, encodeValue(template.evaluate(scopeOf(draft, extra))), blobId);
}

/** What a step gets, with the places where secrets are meant. */
export function evaluateInput(
  draft: Draft,
  parameters: Template | undefined,
  blobId: string,
): Pick<StepReady, 'input' | 'secrets'> {
  if (parameters === undefined) return { input: EMPTY_INPUT };
  if (parameters.evaluateMarked === undefined) return { input: evaluateTemplate(draft, parameters, blobId) };
  requireValues(draft, parameters);
  const { value, marks } = parameters.evaluateMarked(scopeOf(draft));
  const input = storeValue(draft, encodeValue(value), blobId);
  return marks.length === 0 ? { input } : { input, secrets: marks };
}

function passOn(draft: Draft, source: NonNullable<Template['passThrough']>): StoredValue | undefined {
  if (source.kind === 'params') return draft.state.params;
  return passOnOutput(draft.state, stepAt(draft.state, source.node));
}

/** The JSON that a template gives, where it is not kept as it is. Throws MissingValues. */
export function evaluateJson(draft: Draft, template: Template): JsonValue {
  if (template.constant !== undefined) return template.constant;
  requireValues(draft, template);
  return template.evaluate(scopeOf(draft));
}

/** The single stored value that is a step's output; undefined when it has to be put together, or is not there. */
function passOnOutput(state: RunState, step: Step): StoredValue | undefined {
  if (step.status !== 'COMPLETED') return undefined;
  if (step.detail?.output !== undefined) return step.detail.output;
  if (step.node.kind === 'agent' || step.node.kind === 'set') return NULL_OUTPUT;
  if (step.node.kind === 'parallel') return undefined;
  const last = lastChild(state, step);
  return last === undefined ? NULL_OUTPUT : passOnOutput(state, last);
}

/** Keeps `bytes` inline, or as a blob of the run that this decision stores. */
export function storeValue(draft: Draft, bytes: Uint8Array, blobId: string): StoredValue {
  if (bytes.length <= limits.inlineEventBytesMax) return inlineValue(bytes);
  draft.effect({ type: 'storeBlob', blobId, bytes });
  return { kind: 'blob', blobId, size: bytes.length };
}
