/**
 * A checked definition made ready to run: steps laid out in pre-order, edges as indices, defaults filled in,
 * expressions read once.
 */
import { times } from '../core/limits.ts';
import { compileSignal, compileWait, signalsOf } from './compile-waits.ts';
import type {
  CompiledAgentNode,
  CompiledNode,
  CompiledNodeCommon,
  CompiledRetry,
  CompiledWorkflow,
  SecretScope,
} from './compiled.ts';
import type { AgentStepDefinition, RetryPolicy, StepDefinition, WorkflowDefinition } from './definition.ts';
import { compileChoice } from './expressions/choice.ts';
import { compileCondition, type IndexOf } from './expressions/expression.ts';
import { compileOutput, compileTemplate } from './expressions/template.ts';
import { nestedLists, nestedSteps } from './nested.ts';
import { secretScopeOf } from './secrets.ts';

/** Throws BAD_EXPRESSION or UNKNOWN_STEP for a definition that `checkWorkflow` would refuse. */
export function compileWorkflow(definition: WorkflowDefinition, version: number): CompiledWorkflow {
  const layout = layOut(definition);
  const indexOf: IndexOf = (id) => layout.indexById.get(id);
  const dependents = findDependents(layout);
  const nodes = layout.places.map((place) => compileNode(place, layout, dependents[place.index] ?? []));
  return {
    name: definition.name,
    version,
    parameters: isEmpty(definition.parameters) ? undefined : definition.parameters,
    timeoutMs: definition.timeoutMs === 0 ? undefined : definition.timeoutMs,
    cleanupTimeoutMs: definition.cleanupTimeoutMs ?? times.cleanupTimeoutMs,
    priority: definition.priority ?? 'normal',
    labels: definition.labels ?? {},
    secrets: layout.secrets,
    output: definition.output === undefined ? undefined : compileOutput(definition.output, 'runOutput', indexOf),
    nodes,
    roots: indicesOf(definition.steps, layout),
    finallyRoots: indicesOf(definition.finally ?? [], layout),
    indexById: layout.indexById,
    signals: signalsOf(nodes),
  };
}

/** `{}` allows everything, and then there is nothing to do. */
function isEmpty(schema: WorkflowDefinition['parameters']): boolean {
  return schema === undefined || Object.keys(schema).length === 0;
}

interface Place {
  readonly step: StepDefinition;
  readonly index: number;
  readonly parent: number;
  readonly isCleanup: boolean;
}

interface Layout {
  readonly places: readonly Place[];
  readonly indexById: ReadonlyMap<string, number>;
  readonly secrets: SecretScope;
}

function layOut(definition: WorkflowDefinition): Layout {
  const places: Place[] = [];
  const indexById = new Map<string, number>();
  const visit = (steps: readonly StepDefinition[], parent: number, isCleanup: boolean): void => {
    for (const step of steps) {
      const index = places.length;
      places.push({ step, index, parent, isCleanup });
      indexById.set(step.id, index);
      visit(nestedSteps(step), index, isCleanup);
    }
  };
  visit(definition.steps, -1, false);
  visit(definition.finally ?? [], -1, true);
  return { places, indexById, secrets: secretScopeOf(definition) };
}

function indicesOf(steps: readonly StepDefinition[], layout: Layout): readonly number[] {
  return toIndices(
    steps.map((step) => step.id),
    layout,
  );
}

function toIndices(ids: readonly string[], layout: Layout): readonly number[] {
  return ids.map((id) => layout.indexById.get(id)).filter((index) => index !== undefined);
}

function findDependents(layout: Layout): readonly (readonly number[])[] {
  const dependents = layout.places.map((): number[] => []);
  for (const { step, index } of layout.places) {
    for (const dependency of toIndices(step.dependencies, layout)) dependents[dependency]?.push(index);
  }
  return dependents;
}

function compileNode(place: Place, layout: Layout, dependents: readonly number[]): CompiledNode {
  const { step } = place;
  const common = compileCommon(place, layout, dependents);
  const indexOf: IndexOf = (id) => layout.indexById.get(id);
  switch (step.type) {
    case 'agent':
      return compileAgent(step, common, indexOf, layout.secrets);
    case 'parallel':
      return {
        ...common,
        kind: 'parallel',
        children: indicesOf(step.steps, layout),
        concurrency: step.concurrency ?? Math.max(1, step.steps.length),
        onFailure: step.onFailure ?? 'waitAll',
        quorum: step.quorum,
      };
    case 'sequential':
      return {
        ...common,
        kind: 'sequential',
        children: indicesOf(step.steps, layout),
        onFailure: step.onFailure ?? 'fail',
      };
    case 'condition':
    case 'switch':
      return {
        ...common,
        kind: 'condition',
        children: indicesOf(nestedSteps(step), layout),
        branches: nestedLists(step).map(({ steps }) => indicesOf(steps, layout)),
        choice: compileChoice(step, indexOf),
        onFailure: step.onFailure ?? 'fail',
      };
    case 'set':
      return {
        ...common,
        kind: 'set',
        value: compileTemplate(step.set, 'set', indexOf),
        onFailure: step.onFailure ?? 'fail',
      };
    case 'wait':
      return compileWait(step, common, indexOf);
    case 'signal':
      return compileSignal(step, common, indexOf);
  }
}

function compileCommon(place: Place, layout: Layout, dependents: readonly number[]): CompiledNodeCommon {
  const { step, index, parent, isCleanup } = place;
  const indexOf: IndexOf = (id) => layout.indexById.get(id);
  return {
    index,
    id: step.id,
    parent,
    isCleanup,
    dependencies: toIndices(step.dependencies, layout),
    dependents,
    when: step.when === undefined ? undefined : compileCondition(step.when, 'when', indexOf),
    runOn: step.runOn ?? 'success',
    totalTimeoutMs: step.totalTimeoutMs,
    output: step.output === undefined ? undefined : compileOutput(step.output, 'output', indexOf),
    assert: step.assert === undefined ? undefined : compileCondition(step.assert, 'assert', indexOf),
  };
}

function compileAgent(
  step: AgentStepDefinition,
  common: CompiledNodeCommon,
  indexOf: IndexOf,
  secrets: SecretScope,
): CompiledAgentNode {
  return {
    ...common,
    kind: 'agent',
    action: step.action,
    agentId: step.agentId,
    version: step.version,
    agentLabels: step.agentLabels ?? {},
    parameters: step.parameters === undefined ? undefined : compileTemplate(step.parameters, 'input', indexOf, secrets),
    onFailure: step.onFailure ?? 'fail',
    timeoutMs: step.timeoutMs,
    queueTimeoutMs: step.queueTimeoutMs,
    heartbeatTimeoutMs: step.heartbeatTimeoutMs,
    retry: compileRetry(step.retry),
    priority: step.priority,
    idempotent: step.idempotent,
    lossWindowMs: step.lossWindowMs,
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
