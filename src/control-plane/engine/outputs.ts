/**
 * What expressions see of a run, and what a block gives: a parallel an object by child id, a sequential its last child's
 * output, a condition that of its branch's last. Blocks store nothing of their own; their output is put together when it is read.
 */
import type { JsonValue } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import { inlineValue, type StoredValue } from '../../core/stored-value.ts';
import { EMPTY_OBJECT_VALUE, encodeValue, NULL_VALUE } from '../../core/value.ts';
import type { Expression, Scope, StepView, Template } from '../../workflow/compiled.ts';
import { attemptsOf } from './attempts.ts';
import { type Draft, MissingValues } from './decision.ts';
import type { StepReady } from './events.ts';
import { stepByIndex } from './frames.ts';
import { itemBytes, itemViewOf, readItem, uncutList } from './items.ts';
import { type Frame, isLoopStep, type RunState, type Step } from './state.ts';
import { childrenOf, stepAt } from './step-tree.ts';

export const EMPTY_INPUT: StoredValue = inlineValue(EMPTY_OBJECT_VALUE);
export const NULL_OUTPUT: StoredValue = inlineValue(NULL_VALUE);

/** What an expression sees of the loop around it. */
export interface LoopView {
  readonly iteration: number;
  /** Undefined: no body has ended. */
  readonly last: StoredValue | undefined;
}

/** What an expression sees besides the run and the steps of its frame. */
export interface Extra {
  readonly result?: JsonValue;
  readonly output?: JsonValue;
  /** Of a loop's own conditions and output; else the loop of the frame counts. */
  readonly loop?: LoopView;
}

/** What one expression of `draft` can see that stands in `frame`. */
export function scopeOf(draft: Draft, frame: Frame, extra?: Extra): Scope {
  const { state } = draft;
  const view = extra?.loop ?? loopViewOf(frame);
  const item = itemViewOf(frame);
  return {
    params: () => draft.read(state.params),
    step: (node) => viewOf(draft, stepByIndex(state, frame, node)),
    ...(view === undefined ? {} : { loop: { iteration: view.iteration, last: () => readLast(draft, view) } }),
    ...(item === undefined ? {} : { map: { index: item.index, item: () => readItem(draft, item) } }),
    now: draft.now,
    run: { id: state.runId, namespace: state.namespace, startedAt: state.startedAt, try: state.try },
    workflow: { name: state.workflow.name, version: state.workflow.version },
    ...(extra?.result === undefined ? {} : { result: extra.result }),
    ...(extra?.output === undefined ? {} : { output: extra.output }),
  };
}

/** The innermost loop around a frame. `last` is the output of the iteration before. */
function loopViewOf(frame: Frame): LoopView | undefined {
  for (let at: Frame | undefined = frame; at?.owner !== undefined; at = at.owner.frame) {
    if (isLoopStep(at.owner)) return { iteration: at.number, last: at.last };
  }
  return undefined;
}

function readLast(draft: Draft, { last }: LoopView): JsonValue {
  return last === undefined ? null : draft.read(last);
}

export function isTrue(draft: Draft, frame: Frame, condition: Expression, extra?: Extra): boolean {
  requireValues(draft, frame, condition, extra);
  return condition.evaluate(scopeOf(draft, frame, extra)) === true;
}

function viewOf(draft: Draft, step: Step): StepView {
  const attempts = attemptsOf(step);
  const { failure, takenOver } = step.detail ?? {};
  return {
    status: step.detail?.fellBack ?? step.status,
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
  return readOwn(draft, step);
}

/** What a block gives without an `output` of its own. Throws MissingValues with everything that it is made of. */
export function blockResult(draft: Draft, block: Step): JsonValue {
  requireStored(draft, childrenOf(block).flatMap(storedOutputs));
  return readOwn(draft, block);
}

function readOwn(draft: Draft, step: Step): JsonValue {
  const children = childrenOf(step);
  switch (step.node.kind) {
    // The output of a loop or a map is stored when it completes.
    case 'agent':
    case 'set':
    case 'wait':
    case 'signal':
    case 'workflow':
    case 'loop':
    case 'map':
      return null;
    case 'sequential':
    case 'condition': {
      const last = lastChild(step);
      return last === undefined ? null : (readOutput(draft, last) ?? null);
    }
    case 'parallel':
      return readChildren(draft, children);
  }
}

/** The child whose output is the block's; undefined when the branch that ran has none. */
function lastChild(step: Step): Step | undefined {
  const { node, frame, detail } = step;
  if (node.kind !== 'condition') return childrenOf(step).at(-1);
  const isLeftOut = (slot: number): boolean => stepAt(frame, slot).detail?.skip?.reason === 'BRANCH';
  // Of a block that was taken over the branch shows in the ends of its steps alone.
  const branch =
    detail?.takenOver === undefined
      ? node.branches[detail?.branch ?? -1]
      : node.branches.find((slots) => slots.length > 0 && !slots.some(isLeftOut));
  const last = branch?.at(-1);
  return last === undefined ? undefined : stepAt(frame, last);
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
export function requireValues(
  draft: Draft,
  frame: Frame,
  { reads }: { readonly reads: Template['reads'] },
  extra?: Extra,
): void {
  const wanted: StoredValue[] = [];
  if (reads.params) wanted.push(draft.state.params);
  const last = reads.last ? (extra?.loop ?? loopViewOf(frame))?.last : undefined;
  if (last !== undefined) wanted.push(last);
  const list = reads.item ? uncutList(frame) : undefined;
  if (list !== undefined) wanted.push(list);
  for (const node of reads.outputs) wanted.push(...storedOutputs(stepByIndex(draft.state, frame, node)));
  requireStored(draft, wanted);
}

/** Throws MissingValues with those that the shell has not loaded. Those that are too large to be read are not waited for. */
export function requireStored(draft: Draft, values: readonly StoredValue[]): void {
  const missing = new Set<string>();
  for (const value of values) {
    if (value.kind !== 'blob' || value.size > limits.expressionReadBytesMax) continue;
    try {
      draft.bytesOf(value);
    } catch {
      missing.add(value.blobId);
    }
  }
  if (missing.size > 0) throw new MissingValues([...missing]);
}

/** The stored values that the output of a step is made of. */
function storedOutputs(step: Step): readonly StoredValue[] {
  const stored = step.detail?.output;
  if (stored !== undefined) return [stored];
  return childrenOf(step).flatMap(storedOutputs);
}

/** What a body gives: the output of its last step. It may be larger than what stands in an event. */
export function bodyOutput(draft: Draft, last: Step | undefined): StoredValue {
  if (last === undefined || last.status !== 'COMPLETED') return NULL_OUTPUT;
  const passed = passOnOutput(last);
  if (passed !== undefined) return passed;
  requireStored(draft, storedOutputs(last));
  return inlineValue(encodeValue(readOutput(draft, last) ?? null));
}

/**
 * Evaluates a template to a stored value: a whole output is passed on by reference, a constant is encoded, everything else
 * is evaluated. Above the inline size it becomes the blob `blobId` of the run.
 */
export function evaluateTemplate(
  draft: Draft,
  frame: Frame,
  template: Template,
  blobId: string,
  extra?: Extra,
): StoredValue {
  const item = template.passThrough?.kind === 'item' ? itemViewOf(frame) : undefined;
  if (item !== undefined) return storeValue(draft, itemBytes(draft, item), blobId);
  const passed = template.passThrough === undefined ? undefined : passOn(draft, frame, template.passThrough, extra);
  if (passed !== undefined) return passed;
  if (template.constant !== undefined) return storeValue(draft, encodeValue(template.constant), blobId);
  requireValues(draft, frame, template, extra);
  return storeValue(draft, encodeValue(template.evaluate(scopeOf(draft, frame, extra))), blobId);
}

/** What a step gets, with the places where secrets are meant. */
export function evaluateInput(
  draft: Draft,
  frame: Frame,
  parameters: Template | undefined,
  blobId: string,
): Pick<StepReady, 'input' | 'secrets'> {
  if (parameters === undefined) return { input: EMPTY_INPUT };
  if (parameters.evaluateMarked === undefined) return { input: evaluateTemplate(draft, frame, parameters, blobId) };
  requireValues(draft, frame, parameters);
  const { value, marks } = parameters.evaluateMarked(scopeOf(draft, frame));
  const input = storeValue(draft, encodeValue(value), blobId);
  return marks.length === 0 ? { input } : { input, secrets: marks };
}

function passOn(
  draft: Draft,
  frame: Frame,
  source: NonNullable<Template['passThrough']>,
  extra: Extra | undefined,
): StoredValue | undefined {
  switch (source.kind) {
    case 'item':
      return NULL_OUTPUT;
    case 'params':
      return draft.state.params;
    case 'last':
      return (extra?.loop ?? loopViewOf(frame))?.last ?? NULL_OUTPUT;
    case 'output':
      return passOnOutput(stepByIndex(draft.state, frame, source.node));
  }
}

/** The JSON that a template gives, where it is not kept as it is. Throws MissingValues. */
export function evaluateJson(draft: Draft, frame: Frame, template: Template): JsonValue {
  if (template.constant !== undefined) return template.constant;
  requireValues(draft, frame, template);
  return template.evaluate(scopeOf(draft, frame));
}

/** The single stored value that is a step's output; undefined when it has to be put together, or is not there. */
function passOnOutput(step: Step): StoredValue | undefined {
  if (step.status !== 'COMPLETED') return undefined;
  if (step.detail?.output !== undefined) return step.detail.output;
  if (step.node.kind === 'agent' || step.node.kind === 'set') return NULL_OUTPUT;
  if (step.node.kind === 'parallel') return undefined;
  const last = lastChild(step);
  return last === undefined ? NULL_OUTPUT : passOnOutput(last);
}

/** A value that was put together becomes a blob when it is large. */
export function keepValue(draft: Draft, value: StoredValue, blobId: string): StoredValue {
  return value.kind === 'inline' ? storeValue(draft, value.bytes, blobId) : value;
}

/** Keeps `bytes` inline, or as a blob of the run that this decision stores. */
export function storeValue(draft: Draft, bytes: Uint8Array, name: string): StoredValue {
  if (bytes.length <= limits.inlineEventBytesMax) return inlineValue(bytes);
  const blobId = `${name}${tryMark(draft.state)}`;
  draft.effect({ type: 'storeBlob', blobId, bytes });
  return { kind: 'blob', blobId, size: bytes.length };
}

/**
 * What starts again stores its values again, and they may be others: those of the try before, and of the run that this one took
 * them over from, stay what they are.
 */
function tryMark({ try: number, retryOf, runId }: RunState): string {
  const ofRun = retryOf === undefined ? '' : `~${runId}`;
  return number === 1 ? ofRun : `${ofRun}~${number}`;
}
