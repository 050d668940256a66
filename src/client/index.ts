/** `yardmaster/client`: starts, watches and reads runs over a control plane's public API. */

export { type Problem, YardmasterError } from '../core/errors.ts';
export {
  AgentNotFoundError,
  OrchestratorError,
  type OrchestratorErrorOptions,
  StepExecutionError,
  WorkflowDefinitionError,
  WorkflowExecutionError,
  WorkflowNotFoundError,
} from '../core/orchestrator-errors.ts';
export { cel, type Workflow, WorkflowBuilder } from '../workflow/builder/index.ts';
export {
  formatProblem,
  formatProblemLine,
  type InspectedWorkflow,
  inspectWorkflow,
} from '../workflow/index.ts';
export { readActor } from './actor.ts';
export { type CancelledRuns, type CancelRunsOptions, cancelRunsOnWire } from './cancel-runs.ts';
export { callWorkflow, isCallWorkflow } from './capability-call.ts';
export type { RegisterOptions, WorkflowInput, WorkflowText } from './catalogue.ts';
export { type AuditFilter, toAuditEntry, writeAuditFilter } from './convert/audit.ts';
export { toAgent, toOffer } from './convert/fleet.ts';
export { toPlan } from './convert/plan.ts';
export { type PriorityName, toExplanation, toRun } from './convert/run.ts';
export { catchUpNames, overlapNames, type ScheduleSpec, toSchedule, toWireSchedule } from './convert/schedule.ts';
export { toRegistered, toWorkflow } from './convert/workflow.ts';
export { fromWireError, isCut } from './errors.ts';
export {
  type DrainAgentOptions,
  type OperateAgentOptions,
  type OperatedAgent,
  toOperated,
} from './fleet-operations.ts';
export type { LabelAgentOptions, LabelledAgent } from './label-agent.ts';
export { createLiveRun, type LiveRun } from './live-run.ts';
export { createMeshApi, type MeshApi } from './mesh-api.ts';
export {
  DEFAULT_URL,
  type ListAuditOptions,
  type ListRunsOptions,
  Orchestrator,
  Orchestrator as MultiAgentOrchestrator,
  type OrchestratorOptions,
} from './orchestrator.ts';
export { collectPages } from './pages.ts';
export { estimateEta, toProgress, type WorkflowProgress } from './progress.ts';
export { protoJson } from './proto-json.ts';
export {
  type RerunOptions,
  type RetriedRuns,
  type RetryOptions,
  type RetryRunsOptions,
  retryRunsOnWire,
} from './retry-runs.ts';
export type { RunError } from './run-errors.ts';
export type { RunEvent } from './run-event.ts';
export { type RunFilter, toWireFilter } from './run-filter.ts';
export type { CancelAnswer, RunHandle } from './run-handle.ts';
export type { StepResult, WorkflowResult } from './run-result.ts';
export type { ErrorListener, ProgressListener } from './run-watchers.ts';
export type { Schedules } from './schedules.ts';
export type { SignalOptions } from './signal-run.ts';
export type { StartOptions } from './start-run.ts';
export * from './statuses.ts';
export type { RunChange } from './track-run.ts';
export { type Connections, createConnections } from './transport/connections.ts';
export type * from './views.ts';
export {
  type OutputEvent,
  type OutputPosition,
  toOutputEvent,
  type WatchOutputOptions,
  watchOutputOnWire,
} from './watch-output.ts';
export { type WatchRunOptions, watchRunOnWire } from './watch-run.ts';
export { getWorkflowAgentIds } from './workflow-agents.ts';
