export { type CelOperand, cel } from './cel.ts';
export type { Action, Condition, Duration, InputOf, OutputOf, RetryOptions, StepOptions } from './options.ts';
export type { Cel, Recorded, Recorder, Resolved, Value } from './recorded.ts';
export type { RowBuilder } from './row-builder.ts';
export type { AssertScope, OutputScope, Scope, StepReference } from './scope.ts';
export type { ParamsOf, StepsOf, Workflow, WorkflowOutputOf } from './workflow.ts';
export { WorkflowBuilder } from './workflow-builder.ts';
