/**
 * A checked definition made ready to run: steps laid out in pre-order, edges as indices, defaults filled in,
 * expressions read once.
 */
import { times } from '../core/limits.ts';
import { compileChild } from './compile-child.ts';
import { compileMap } from './compile-map.ts';
import { compileSignal, compileWait, formsOf, signalsOf } from './compile-waits.ts';
import type {
  Attached,
  CompiledAgentNode,
  CompiledLoopNode,
  CompiledNode,
  CompiledNodeCommon,
  CompiledRetry,
  CompiledWorkflow,
  SecretScope,
  WorkflowConcurrency,
} from './compiled.ts';
import {
  type AgentStepDefinition,
  type LoopStepDefinition,
  type RetryPolicy,
  runsBodies,
  type StepDefinition,
  type WorkflowDefinition,
} from './definition.ts';
import { compileChoice } from './expressions/choice.ts';
import type { Names } from './expressions/expression.ts';
import { type Around, within } from './expressions/prepare.ts';
import { compileQuestion } from './expressions/question.ts';
import { compileOutput, compileTemplate } from './expressions/template.ts';
import { attachedSteps, nestedLists, nestedSteps } from './nested.ts';
import { secretScopeOf } from './secrets.ts';

/** Throws BAD_EXPRESSION or UNKNOWN_STEP for a definition that `checkWorkflow` would refuse. */
export function compileWorkflow(definition: WorkflowDefinition, version: number): CompiledWorkflow {
  const layout = layOut(definition);
  const dependents = findDependents(layout);
  const nodes = compileNodes(layout, dependents);
  return {
    name: definition.name,
    version,
    parameters: isEmpty(definition.parameters) ? undefined : definition.parameters,
    timeoutMs: definition.timeoutMs === 0 ? undefined : definition.timeoutMs,
    tries: 1 + (definition.retries ?? 0),
    concurrency: concurrencyOf(definition),
    cleanupTimeoutMs: definition.cleanupTimeoutMs ?? times.cleanupTimeoutMs,
    priority: definition.priority ?? 'normal',
    labels: definition.labels ?? {},
    secrets: layout.secrets,
    output:
      definition.output === undefined
        ? undefined
        : compileOutput(definition.output, 'runOutput', namesFor(layout, 'nothing')),
    nodes,
    rootNodes: nodes.filter((node) => node.owner < 0),
    roots: slotsOf(definition.steps, layout),
    finallyRoots: slotsOf(definition.finally ?? [], layout),
    indexById: layout.indexById,
    signals: signalsOf(nodes),
    forms: formsOf(nodes),
  };
}

/** How many of its runs may be active at once; undefined: any number. */
export function concurrencyOf({ concurrency }: WorkflowDefinition): WorkflowConcurrency | undefined {
  return concurrency === undefined ? undefined : { overflow: 'queue', ...concurrency };
}

/** `{}` allows everything, and then there is nothing to do. */
function isEmpty(schema: WorkflowDefinition['parameters']): boolean {
  return schema === undefined || Object.keys(schema).length === 0;
}

interface Place {
  readonly step: StepDefinition;
  readonly index: number;
  readonly owner: number;
  readonly slot: number;
  readonly parent: number;
  readonly isCleanup: boolean;
  readonly around: Around;
  readonly attached: Attached | undefined;
}

/** Where the steps of one level go. */
interface Level extends Pick<Place, 'owner' | 'parent' | 'isCleanup' | 'around'> {
  /** Counts the slots of its body. */
  readonly slots: { next: number };
}

interface Layout {
  readonly places: readonly Place[];
  readonly indexById: ReadonlyMap<string, number>;
  readonly secrets: SecretScope;
}

function layOut(definition: WorkflowDefinition): Layout {
  const places: Place[] = [];
  const indexById = new Map<string, number>();
  const place = (
    step: StepDefinition,
    where: Omit<Level, 'slots'>,
    slots: Level['slots'],
    attached: Attached | undefined,
  ): number => {
    const slot = slots.next++;
    indexById.set(step.id, places.length);
    places.push({ step, index: places.length, slot, attached, ...where });
    return slot;
  };
  const visit = (steps: readonly StepDefinition[], level: Level): void => {
    const { slots, ...where } = level;
    for (const step of steps) {
      const slot = place(step, where, slots, undefined);
      const index = places.length - 1;
      for (const { kind, step: attached } of attachedSteps(step)) {
        const isCleanup = level.isCleanup || kind === 'compensate';
        place(attached, { ...where, parent: -1, isCleanup }, slots, { kind, owner: slot });
      }
      visit(nestedSteps(step), levelInside(step, index, slot, level));
    }
  };
  const slots = { next: 0 };
  visit(definition.steps, { owner: -1, parent: -1, isCleanup: false, around: 'nothing', slots });
  visit(definition.finally ?? [], { owner: -1, parent: -1, isCleanup: true, around: 'nothing', slots });
  return { places, indexById, secrets: secretScopeOf(definition) };
}

/** A body counts its own slots; any other block's children stand beside it. */
function levelInside(step: StepDefinition, index: number, slot: number, level: Level): Level {
  if (!runsBodies(step)) return { ...level, parent: slot };
  return { ...level, owner: index, parent: -1, around: within(level.around, step.type), slots: { next: 0 } };
}

function slotsOf(steps: readonly StepDefinition[], layout: Layout): readonly number[] {
  return toSlots(
    steps.map((step) => step.id),
    layout,
  );
}

function toSlots(ids: readonly string[], layout: Layout): readonly number[] {
  return placesOf(ids, layout).map((place) => place.slot);
}

function placesOf(ids: readonly string[], layout: Layout): readonly Place[] {
  return ids.flatMap((id) => layout.places[layout.indexById.get(id) ?? -1] ?? []);
}

function namesFor(layout: Layout, around: Around): Names {
  return { indexOf: (id) => layout.indexById.get(id), around };
}

/** From the last to the first, so that a loop or a map finds the nodes of its body. */
function compileNodes(layout: Layout, dependents: readonly (readonly number[])[]): readonly CompiledNode[] {
  const nodes: CompiledNode[] = [];
  const bodies = new Map<number, CompiledNode[]>();
  for (const place of layout.places.toReversed()) {
    const node = compileNode(place, layout, dependents[place.index] ?? [], bodies.get(place.index)?.reverse() ?? []);
    nodes.push(node);
    if (place.owner < 0) continue;
    const body = bodies.get(place.owner);
    if (body === undefined) bodies.set(place.owner, [node]);
    else body.push(node);
  }
  return nodes.reverse();
}

function findDependents(layout: Layout): readonly (readonly number[])[] {
  const dependents = layout.places.map((): number[] => []);
  for (const { step, slot } of layout.places) {
    for (const dependency of placesOf(step.dependencies, layout)) dependents[dependency.index]?.push(slot);
  }
  return dependents;
}

function compileNode(
  place: Place,
  layout: Layout,
  dependents: readonly number[],
  body: readonly CompiledNode[],
): CompiledNode {
  const { step } = place;
  const common = compileCommon(place, layout, dependents);
  switch (step.type) {
    case 'agent':
      return compileAgent(step, common, namesFor(layout, place.around), layout.secrets);
    case 'parallel':
      return {
        ...common,
        kind: 'parallel',
        children: slotsOf(step.steps, layout),
        concurrency: step.concurrency ?? Math.max(1, step.steps.length),
        onFailure: step.onFailure ?? 'waitAll',
        quorum: step.quorum,
      };
    case 'sequential':
      return {
        ...common,
        kind: 'sequential',
        children: slotsOf(step.steps, layout),
        onFailure: step.onFailure ?? 'fail',
      };
    case 'condition':
    case 'switch':
      return {
        ...common,
        kind: 'condition',
        children: slotsOf(nestedSteps(step), layout),
        branches: nestedLists(step).map(({ steps }) => slotsOf(steps, layout)),
        choice: compileChoice(step, namesFor(layout, place.around)),
        onFailure: step.onFailure ?? 'fail',
      };
    case 'set':
      return {
        ...common,
        kind: 'set',
        value: compileTemplate(step.set, 'set', namesFor(layout, place.around)),
        onFailure: step.onFailure ?? 'fail',
      };
    case 'wait':
      return compileWait(step, common, namesFor(layout, place.around));
    case 'signal':
      return compileSignal(step, common, namesFor(layout, place.around));
    case 'workflow':
      return compileChild(step, common, namesFor(layout, place.around));
    case 'loop':
      return compileLoop(step, common, { layout, body, around: place.around });
    case 'map':
      return compileMap(step, common, namesFor(layout, place.around), {
        body,
        children: slotsOf([step.step], layout),
      });
  }
}

function compileLoop(
  step: LoopStepDefinition,
  common: CompiledNodeCommon,
  {
    layout,
    body,
    around,
  }: { readonly layout: Layout; readonly body: readonly CompiledNode[]; readonly around: Around },
): CompiledLoopNode {
  const names = namesFor(layout, within(around, 'loop'));
  return {
    ...common,
    kind: 'loop',
    while: step.while === undefined ? undefined : compileQuestion(step.while, 'while', step.id, names),
    until: step.until === undefined ? undefined : compileQuestion(step.until, 'until', step.id, names),
    body,
    children: slotsOf(step.body, layout),
    maxIterations: step.maxIterations,
    onMaxIterations: step.onMaxIterations ?? 'fail',
    delayMs: step.delayMs ?? 0,
    onFailure: step.onFailure ?? 'fail',
  };
}

function compileCommon(place: Place, layout: Layout, dependents: readonly number[]): CompiledNodeCommon {
  const { step, index, owner, slot, parent, isCleanup, attached } = place;
  const slotOf = (other: StepDefinition | undefined): number | undefined =>
    other === undefined ? undefined : toSlots([other.id], layout)[0];
  const names = namesFor(layout, place.around);
  return {
    index,
    owner,
    slot,
    id: step.id,
    parent,
    isCleanup,
    dependencies: toSlots(step.dependencies, layout),
    dependents,
    when: step.when === undefined ? undefined : compileQuestion(step.when, 'when', step.id, names),
    runOn: step.runOn ?? 'success',
    totalTimeoutMs: step.totalTimeoutMs,
    output: step.output === undefined ? undefined : compileOutput(step.output, 'output', outputNames(place, layout)),
    assert:
      step.assert === undefined
        ? undefined
        : compileQuestion(step.assert, 'assert', step.id, outputNames(place, layout)),
    fallback: slotOf(step.fallback),
    compensate: slotOf(step.compensate),
    attached,
  };
}

/** A loop's own output sees what its conditions see, and so does what is asserted of it. */
function outputNames(place: Place, layout: Layout): Names {
  return namesFor(layout, place.step.type === 'loop' ? within(place.around, 'loop') : place.around);
}

function compileAgent(
  step: AgentStepDefinition,
  common: CompiledNodeCommon,
  names: Names,
  secrets: SecretScope,
): CompiledAgentNode {
  return {
    ...common,
    kind: 'agent',
    action: step.action,
    agentId: step.agentId,
    version: step.version,
    agentLabels: step.agentLabels ?? {},
    parameters: step.parameters === undefined ? undefined : compileTemplate(step.parameters, 'input', names, secrets),
    onFailure: step.onFailure ?? 'fail',
    timeoutMs: step.timeoutMs,
    queueTimeoutMs: step.queueTimeoutMs,
    heartbeatTimeoutMs: step.heartbeatTimeoutMs,
    retry: compileRetry(step.retry),
    priority: step.priority,
    idempotent: step.idempotent,
    lossWindowMs: step.lossWindowMs,
    concurrencyKey: step.concurrencyKey && {
      template: compileTemplate(step.concurrencyKey.key, 'concurrencyKey', names),
      limit: step.concurrencyKey.limit ?? 1,
    },
    metadata: step.metadata,
  };
}

/** Backoff 1 s, doubled up to 1 min, full jitter (design: workflows.md section 1). */
function compileRetry(retry: RetryPolicy | undefined): CompiledRetry {
  return {
    tries: retry?.tries ?? 1,
    backoffMs: retry?.backoffMs ?? 1_000,
    factor: retry?.factor ?? 2,
    maxBackoffMs: retry?.maxBackoffMs ?? 60_000,
    jitter: retry?.jitter ?? true,
    nonRetryable: retry?.nonRetryable ?? [],
    onDifferentAgent: retry?.onDifferentAgent ?? false,
    onAssert: retry?.onAssert ?? false,
  };
}
