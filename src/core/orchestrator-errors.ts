/**
 * The errors that a program around an orchestrator tells apart by class. Each has a code as every error has; the code is the
 * finer one, the class is for `instanceof`.
 */
import { type ErrorOptionsOfOurs, YardmasterError } from './errors.ts';

export interface OrchestratorErrorOptions extends ErrorOptionsOfOurs {
  readonly code?: string;
}

/** Something about a workflow, an agent or a step is not as it must be. Programs may throw it, too. */
export class OrchestratorError extends YardmasterError {
  constructor(message: string, { code = 'ORCHESTRATION_FAILED', ...options }: OrchestratorErrorOptions = {}) {
    super(code, message, options);
    this.name = 'OrchestratorError';
  }
}

export interface NotFoundOptions extends ErrorOptionsOfOurs {
  /** Default: that there is no such thing. */
  readonly message?: string;
}

export class WorkflowNotFoundError extends OrchestratorError {
  readonly workflowId: string;

  constructor(workflowId: string, { message, meta, ...options }: NotFoundOptions = {}) {
    super(message ?? `Cannot find workflow "${workflowId}"`, {
      ...options,
      code: 'WORKFLOW_NOT_FOUND',
      meta: { status: 'NOT_FOUND', workflow: workflowId, ...meta },
    });
    this.name = 'WorkflowNotFoundError';
    this.workflowId = workflowId;
  }
}

export class AgentNotFoundError extends OrchestratorError {
  readonly agentId: string;

  constructor(agentId: string, { message, meta, ...options }: NotFoundOptions = {}) {
    super(message ?? `Cannot find agent "${agentId}"`, {
      ...options,
      code: 'AGENT_NOT_FOUND',
      meta: { status: 'NOT_FOUND', agent: agentId, ...meta },
    });
    this.name = 'AgentNotFoundError';
    this.agentId = agentId;
  }
}

/** A definition is not accepted; `problems` has everything that is wrong with it. */
export class WorkflowDefinitionError extends OrchestratorError {
  constructor(message: string, { code = 'WORKFLOW_INVALID', ...options }: OrchestratorErrorOptions = {}) {
    super(message, { ...options, code });
    this.name = 'WorkflowDefinitionError';
  }
}

/** What ended badly, in the ids that the API uses everywhere. */
export interface FailedRun {
  readonly workflowId: string;
  readonly executionId: string;
  /** The code of the failure, which may be the agent's own. */
  readonly code: string;
  readonly message: string;
  /** The step that it comes from; undefined: the run itself. */
  readonly stepId: string | undefined;
  /** The attempt that failed and who had it; undefined: it failed before an agent got it. */
  readonly agentId: string | undefined;
  readonly attempt: number | undefined;
}

class FailedRunError extends OrchestratorError {
  readonly workflowId: string;
  readonly executionId: string;
  readonly agentId: string | undefined;
  readonly attempt: number | undefined;

  constructor({ code, message, workflowId, executionId, agentId, attempt }: FailedRun) {
    super(message, { code, meta: { workflow: workflowId, run: executionId } });
    this.workflowId = workflowId;
    this.executionId = executionId;
    this.agentId = agentId;
    this.attempt = attempt;
  }
}

/** A run ended FAILED or TIMED_OUT. */
export class WorkflowExecutionError extends FailedRunError {
  readonly stepId: string | undefined;

  constructor(failed: FailedRun) {
    super(failed);
    this.name = 'WorkflowExecutionError';
    this.stepId = failed.stepId;
  }
}

/** A step ended FAILED or TIMED_OUT, after all its tries. */
export class StepExecutionError extends FailedRunError {
  readonly stepId: string;

  constructor(failed: FailedRun & { readonly stepId: string }) {
    super(failed);
    this.name = 'StepExecutionError';
    this.stepId = failed.stepId;
  }
}
