/** What is allowed but looks wrong in the fleet of this moment: actions that nobody offers, retries of what must not run twice. */
import type { Problem } from '../../core/errors.ts';
import { nearest } from '../../core/nearest.ts';
import type { AgentStepDefinition, StepDefinition, WorkflowDefinition } from '../../workflow/definition.ts';
import { toProblem, withoutText } from '../../workflow/finding.ts';
import { retryFinding } from '../../workflow/lint.ts';
import { surveyWorkflow } from '../../workflow/survey.ts';

/** A capability of one live instance. */
export interface OfferedAction {
  readonly name: string;
  readonly idempotent: boolean;
}

export function registrationWarnings(
  definition: WorkflowDefinition,
  offered: readonly OfferedAction[],
): readonly Problem[] {
  const { entries } = surveyWorkflow(definition);
  const steps = entries.map(({ step }) => step).filter(isAgentStep);
  const risky = entries.flatMap(({ step, path }) =>
    isAgentStep(step) && isRetriedBlindly(step, offered)
      ? [retryFinding(`"${step.id}" is tried again, but "${step.action}" is not idempotent`, [...path, 'action'])]
      : [],
  );
  return [...unknownActions(steps, offered), ...risky.map((finding) => toProblem(finding, withoutText))];
}

function isAgentStep(step: StepDefinition): step is AgentStepDefinition {
  return step.type === 'agent';
}

/** Such a step waits with NO_AGENT. */
function unknownActions(steps: readonly AgentStepDefinition[], offered: readonly OfferedAction[]): readonly Problem[] {
  const names = offered.map(({ name }) => name);
  const known = new Set(names);
  const missing = new Set(steps.map(({ action }) => action).filter((action) => !known.has(action)));
  return [...missing].map((action) => {
    const near = nearest(action, names);
    const hint = near === undefined ? '' : `; did you mean "${near}"?`;
    return {
      code: 'UNKNOWN_CAPABILITY',
      message: `no agent offers "${action}" now${hint}`,
      next: `start an agent that offers "${action}"`,
    };
  });
}

/** The step leaves it to its agents, and one of them says that it may not run twice. What the step says itself, lint has looked at. */
function isRetriedBlindly({ action, retry, idempotent }: AgentStepDefinition, offered: readonly OfferedAction[]) {
  if (idempotent !== undefined || retry === undefined || retry.tries < 2) return false;
  return offered.some(({ name, idempotent: isSafe }) => name === action && !isSafe);
}
