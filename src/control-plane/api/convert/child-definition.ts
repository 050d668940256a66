/** `workflow` steps of a definition: proto to the normal form and back. */
import type { WorkflowBlock } from '../../../gen/yardmaster/v1/step_pb.ts';
import type { StepCommon, WorkflowStepDefinition } from '../../../workflow/definition.ts';
import type { Faults } from './faults.ts';
import { readTemplate, writeTemplate } from './json.ts';

export function readWorkflowBlock(
  faults: Faults,
  pointer: string,
  block: WorkflowBlock,
): Omit<WorkflowStepDefinition, keyof StepCommon> {
  const parameters = readTemplate(faults, `${pointer}.parameters`, block.parameters);
  return {
    type: 'workflow',
    workflow: block.workflow,
    ...(block.version > 0 && { version: block.version }),
    ...(parameters !== undefined && { parameters }),
  };
}

export function writeWorkflowBlock({ workflow, version = 0, parameters }: WorkflowStepDefinition) {
  return { workflow, version, parameters: writeTemplate(parameters) };
}
