/** What of a change of a run is an error that somebody wants to hear of. */
import { StepExecutionError, WorkflowExecutionError } from '../core/orchestrator-errors.ts';
import type { RunChange } from './track-run.ts';
import type { RunFailure, RunView, StepView } from './views.ts';

export type RunError = StepExecutionError | WorkflowExecutionError;

/**
 * Steps that ended FAILED or TIMED_OUT, then the run itself. A block that failed because of a child is no error of its own.
 * The picture to begin with tells everything that happened before it.
 */
export function toRunErrors({ run, event }: RunChange): readonly RunError[] {
  if (event === undefined) return [...run.steps.flatMap((step) => stepError(run, step)), ...runError(run)];
  if (event.type === 'runEnded') return runError(run);
  if (event.type !== 'stepEnded') return [];
  const step = run.steps.find(({ path }) => path === event.step);
  return step === undefined ? [] : stepError(run, step);
}

function stepError(run: RunView, step: StepView): readonly RunError[] {
  if (!hasFailed(step.status)) return [];
  const isOfChild = step.error?.step !== undefined && step.error.step !== step.path;
  if (isOfChild) return [];
  return [new StepExecutionError({ ...factsOf(run, step.error, step.status), stepId: step.stepId })];
}

function runError(run: RunView): readonly RunError[] {
  if (!hasFailed(run.status)) return [];
  const stepId = run.steps.find(({ path }) => path === run.error?.step)?.stepId;
  return [new WorkflowExecutionError({ ...factsOf(run, run.error, run.status), stepId })];
}

function factsOf(run: RunView, failure: RunFailure | undefined, status: string) {
  return {
    workflowId: run.workflow,
    executionId: run.runId,
    code: failure?.code ?? status,
    message: failure?.message ?? `it ended ${status}`,
    agentId: failure?.agent,
    attempt: failure?.attempt,
  };
}

function hasFailed(status: string): boolean {
  return status === 'FAILED' || status === 'TIMED_OUT';
}
