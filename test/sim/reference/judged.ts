/** What the reference interpreter does not judge yet: a workflow with any of it is left alone. */

import type { StepDefinition, WorkflowDefinition } from '../../../src/workflow/definition.ts';
import { nestedSteps } from '../../../src/workflow/nested.ts';

export function isJudged({ steps, finally: cleanup }: WorkflowDefinition): boolean {
  return [...steps, ...(cleanup ?? [])].every(isStepJudged);
}

function isStepJudged(step: StepDefinition): boolean {
  if (step.type === 'map' || step.type === 'workflow') return false;
  return nestedSteps(step).every(isStepJudged);
}
