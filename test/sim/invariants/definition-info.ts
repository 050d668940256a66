/** What a definition says of its steps, by path: read straight from the definition, not from the compiled form. */
import type { AgentStepDefinition, StepDefinition, WorkflowDefinition } from '../../../src/workflow/definition.ts';

export interface StepInfo {
  readonly id: string;
  readonly kind: StepDefinition['type'];
  readonly parent: string | undefined;
  readonly dependencies: readonly string[];
  readonly children: readonly string[];
  readonly isCleanup: boolean;
  /** Tries in all; 1 without a policy. */
  readonly tries: number;
  readonly concurrency: number;
  readonly agent: AgentStepDefinition | undefined;
  /** Of a `wait` and a `signal`. */
  readonly waits: { readonly signal: string | undefined } | undefined;
}

export function readDefinition(definition: WorkflowDefinition): ReadonlyMap<string, StepInfo> {
  const steps = new Map<string, StepInfo>();
  const read = (step: StepDefinition, parent: string | undefined, isCleanup: boolean): void => {
    const children = 'steps' in step ? step.steps : [];
    steps.set(step.id, {
      id: step.id,
      kind: step.type,
      parent,
      dependencies: step.dependencies,
      children: children.map((child) => child.id),
      isCleanup,
      tries: step.type === 'agent' ? (step.retry?.tries ?? 1) : 1,
      concurrency: step.type === 'parallel' ? (step.concurrency ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY,
      agent: step.type === 'agent' ? step : undefined,
      waits: step.type === 'wait' || step.type === 'signal' ? { signal: signalOf(step) } : undefined,
    });
    for (const child of children) read(child, step.id, isCleanup);
  };
  for (const step of definition.steps) read(step, undefined, false);
  for (const step of definition.finally ?? []) read(step, undefined, true);
  return steps;
}

function signalOf(step: StepDefinition): string | undefined {
  return step.type === 'signal' ? step.signal : undefined;
}
