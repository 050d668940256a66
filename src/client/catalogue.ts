/** Registering and reading definitions. */
import { YardmasterError } from '../core/errors.ts';
import type { RegisterWorkflowRequest } from '../gen/yardmaster/v1/workflow_service_pb.ts';
import type { Workflow } from '../workflow/builder/workflow.ts';
import { toWireWorkflow } from './convert/definition.ts';
import { toPlan } from './convert/plan.ts';
import { toRegistered } from './convert/workflow.ts';
import type { MeshApi } from './mesh-api.ts';
import type { RegisteredWorkflow, WorkflowPlanView } from './views.ts';

/** A definition as text: YAML, or JSON, which is YAML too. */
export interface WorkflowText {
  readonly yaml: string;
  /** Name of the text in the places of problems, such as `nightly.yaml`; never opened. */
  readonly file?: string;
}

/** What can be registered: a built workflow, text, or the data that the text would give. */
export type WorkflowInput = Workflow | WorkflowText | Readonly<Record<string, unknown>>;

export interface RegisterOptions {
  /** Check only; store nothing. Default false. */
  readonly validateOnly?: boolean;
  readonly signal?: AbortSignal;
}

/** Throws the code of the first problem, with all of them, when the definition is not accepted. */
export async function registerWorkflow(
  api: MeshApi,
  input: WorkflowInput,
  { validateOnly = false, signal }: RegisterOptions,
): Promise<RegisteredWorkflow> {
  const request = { definition: toWireDefinition(input), validateOnly };
  const answer = toRegistered(await api.workflows.registerWorkflow(request, signal === undefined ? {} : { signal }));
  if (answer !== undefined) return answer;
  throw new YardmasterError('INTERNAL', 'Cannot register the workflow: the answer holds no workflow');
}

/** Throws as `registerWorkflow` does; nothing is stored. */
export async function planWorkflow(
  api: MeshApi,
  input: WorkflowInput,
  { signal }: { readonly signal?: AbortSignal },
): Promise<WorkflowPlanView> {
  const request = { definition: toWireDefinition(input) };
  return toPlan(await api.workflows.planWorkflow(request, signal === undefined ? {} : { signal }));
}

type WireDefinition =
  | Extract<RegisterWorkflowRequest['definition'], { readonly case: 'workflow' }>
  | { readonly case: 'source'; readonly value: { readonly text: string; readonly file: string } };

function toWireDefinition(input: WorkflowInput): WireDefinition {
  if (isWorkflow(input)) return { case: 'workflow', value: toWireWorkflow(input.definition) };
  if (isText(input)) return { case: 'source', value: { text: input.yaml, file: input.file ?? '' } };
  return { case: 'source', value: { text: JSON.stringify(input), file: '' } };
}

/** Only `build()` makes objects with `definition`: it is no field of a definition itself. */
export function isWorkflow(input: unknown): input is Workflow {
  return typeof input === 'object' && input !== null && 'definition' in input && 'id' in input;
}

function isText(input: WorkflowInput): input is WorkflowText {
  return 'yaml' in input && typeof input.yaml === 'string';
}
