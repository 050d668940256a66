/** `yardmaster`: everything that a workflow author needs, with a control plane in the process when none is named. */
export {
  Agent,
  type AgentOptions,
  AttemptStopped,
  type Capability,
  type CapabilityOptions,
  capability,
  HandBack,
  type Handler,
  type HandlerContext,
  StepError,
} from '../agent-sdk/index.ts';
export {
  AgentNotFoundError,
  type AgentView,
  type AttemptOutcome,
  type AuditEntryView,
  type ErrorListener,
  getWorkflowAgentIds,
  type ListAuditOptions,
  OrchestratorError,
  type OrchestratorErrorOptions,
  type ProgressListener,
  type RunError,
  type RunEvent,
  type RunHandle,
  type RunView,
  type ScheduleSpec,
  type ScheduleView,
  type StartOptions,
  StepExecutionError,
  type StepResult,
  StepStatus,
  WorkflowDefinitionError,
  WorkflowExecutionError,
  WorkflowNotFoundError,
  type WorkflowProgress,
  type WorkflowResult,
  WorkflowStatus,
  type WorkflowView,
} from '../client/index.ts';
export { isYardmasterError, type Problem, YardmasterError } from '../core/errors.ts';
export type { ParamsOf, RowBuilder, StepsOf, Workflow, WorkflowOutputOf } from '../workflow/builder/index.ts';
export { cel, WorkflowBuilder } from '../workflow/builder/index.ts';
export type { AgentInput } from './hosted-agents.ts';
export { Orchestrator, Orchestrator as MultiAgentOrchestrator, type OrchestratorOptions } from './orchestrator.ts';
