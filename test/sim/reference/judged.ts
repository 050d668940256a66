/** What the reference interpreter does not judge yet: a workflow with any of it is left alone. */

import type { StepDefinition, WorkflowDefinition } from '../../../src/workflow/definition.ts';
import { nestedSteps } from '../../../src/workflow/nested.ts';

export function isJudged({ steps, finally: cleanup, retries, concurrency }: WorkflowDefinition): boolean {
  return (retries ?? 0) === 0 && concurrency === undefined && [...steps, ...(cleanup ?? [])].every(isStepJudged);
}

function isStepJudged(step: StepDefinition): boolean {
  if (step.type === 'map' || step.type === 'workflow') return false;
  if (step.compensate !== undefined) return false;
  return nestedSteps(step).every(isStepJudged);
}
