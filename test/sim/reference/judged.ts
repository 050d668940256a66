/** What the reference interpreter does not judge yet: a run with any of it is left alone. */
import { runsBodies, type StepDefinition, type WorkflowDefinition } from '../../../src/workflow/definition.ts';
import { nestedSteps } from '../../../src/workflow/nested.ts';

/** Tries that keep parts of loops and maps. */
export function isJudged({ steps, finally: cleanup }: WorkflowDefinition, isTriedAgain: boolean): boolean {
  return !isTriedAgain || ![...steps, ...(cleanup ?? [])].some(hasBodies);
}

function hasBodies(step: StepDefinition): boolean {
  return runsBodies(step) || nestedSteps(step).some(hasBodies);
}
