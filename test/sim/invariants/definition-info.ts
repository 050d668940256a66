/** What a definition says of its steps, by path: read straight from the definition, not from the compiled form. */
import {
  type AgentStepDefinition,
  runsBodies,
  type StepDefinition,
  type WorkflowDefinition,
} from '../../../src/workflow/definition.ts';

export interface StepInfo {
  readonly id: string;
  /** Id of the loop or the map in whose body it stands; undefined outside. */
  readonly owner: string | undefined;
  /** Of a loop: the most that it may run. */
  readonly iterationsMax: number;
  readonly kind: StepDefinition['type'];
  readonly parent: string | undefined;
  readonly dependencies: readonly string[];
  readonly children: readonly string[];
  /** The lists of them; of a condition or a switch one runs, and the last one may be empty. */
  readonly branches: readonly (readonly string[])[];
  /** `finally`, and compensations. */
  readonly isCleanup: boolean;
  /** Ids of the steps that belong to it. */
  readonly fallback: string | undefined;
  readonly compensate: string | undefined;
  /** Of such a step: what it is, and the id of its owner. */
  readonly attached: { readonly kind: 'fallback' | 'compensate'; readonly owner: string } | undefined;
  readonly runOn: StepDefinition['runOn'];
  /** Tries in all; 1 without a policy. */
  readonly tries: number;
  readonly concurrency: number;
  /** It gives what its `output` makes. */
  readonly hasOutput: boolean;
  /** Of a map: so many items may complete it although others did not even begin. */
  readonly quorum: number | undefined;
  readonly agent: AgentStepDefinition | undefined;
  /** Of a `wait` and a `signal`. */
  readonly waits: { readonly signal: string | undefined } | undefined;
}

function branchesOf(step: StepDefinition): readonly (readonly StepDefinition[])[] {
  switch (step.type) {
    case 'agent':
    case 'set':
    case 'wait':
    case 'signal':
    case 'workflow':
      return [];
    case 'parallel':
    case 'sequential':
      return [step.steps];
    case 'condition':
      return [step.then, step.else ?? []];
    case 'switch':
      return [...step.cases.map(({ steps }) => steps), step.default ?? []];
    case 'loop':
      return [step.body];
    case 'map':
      return [[step.step]];
  }
}

export function readDefinition(definition: WorkflowDefinition): ReadonlyMap<string, StepInfo> {
  const steps = new Map<string, StepInfo>();
  const read = (
    step: StepDefinition,
    parent: StepDefinition | undefined,
    owner: string | undefined,
    isCleanup: boolean,
    attached?: StepInfo['attached'],
  ): void => {
    const { fallback, compensate } = step;
    const branches = branchesOf(step);
    const children = branches.flat();
    steps.set(step.id, {
      id: step.id,
      owner,
      iterationsMax: step.type === 'loop' ? step.maxIterations : 0,
      kind: step.type,
      parent: parent?.id,
      dependencies: step.dependencies,
      children: children.map((child) => child.id),
      branches: branches.map((steps) => steps.map((child) => child.id)),
      isCleanup,
      fallback: fallback?.id,
      compensate: compensate?.id,
      attached,
      runOn: step.runOn,
      tries: step.type === 'agent' ? (step.retry?.tries ?? 1) : 1,
      concurrency: concurrencyOf(step),
      hasOutput: step.output !== undefined,
      quorum: step.type === 'map' ? step.quorum : undefined,
      agent: step.type === 'agent' ? step : undefined,
      waits: step.type === 'wait' || step.type === 'signal' ? { signal: signalOf(step) } : undefined,
    });
    if (fallback !== undefined) read(fallback, undefined, owner, isCleanup, { kind: 'fallback', owner: step.id });
    if (compensate !== undefined) read(compensate, undefined, owner, true, { kind: 'compensate', owner: step.id });
    for (const child of children) read(child, step, runsBodies(step) ? step.id : owner, isCleanup);
  };
  for (const step of definition.steps) read(step, undefined, undefined, false);
  for (const step of definition.finally ?? []) read(step, undefined, undefined, true);
  return steps;
}

function concurrencyOf(step: StepDefinition): number {
  if (step.type === 'map') return step.concurrency ?? 100;
  return (step.type === 'parallel' ? step.concurrency : undefined) ?? Number.POSITIVE_INFINITY;
}

function signalOf(step: StepDefinition): string | undefined {
  return step.type === 'signal' ? step.signal : undefined;
}
