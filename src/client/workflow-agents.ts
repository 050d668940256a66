/** Which agents a workflow names. */
import type { Workflow } from '../workflow/builder/workflow.ts';
import type { StepDefinition } from '../workflow/definition.ts';
import { stepsWithin } from '../workflow/nested.ts';
import { isWorkflow } from './catalogue.ts';
import type { WorkflowView } from './views.ts';

/** Each once, in the order of the steps; steps that leave the choice to the scheduler name none. */
export function getWorkflowAgentIds(workflow: WorkflowView | Workflow): readonly string[] {
  return [...new Set(isWorkflow(workflow) ? namedIn(workflow) : namedInView(workflow))];
}

function namedInView({ steps }: WorkflowView): readonly string[] {
  return steps.flatMap(({ agentId }) => agentId ?? []);
}

function namedIn({ definition }: Workflow): readonly string[] {
  return [...definition.steps, ...(definition.finally ?? [])].flatMap(namedInStep);
}

/** Recursion ends: `build` accepts no deeper nesting than `limits.depthMax`. */
function namedInStep(step: StepDefinition): readonly string[] {
  const own = step.type === 'agent' && step.agentId !== undefined ? [step.agentId] : [];
  return [...own, ...stepsWithin(step).flatMap(namedInStep)];
}
