/** Steps that are runs of other workflows. */
import type { CompiledChildNode, CompiledNodeCommon } from './compiled.ts';
import type { WorkflowStepDefinition } from './definition.ts';
import type { Names } from './expressions/expression.ts';
import { compileTemplate } from './expressions/template.ts';

/** A reference to a secret is text here: whether it stands for one, the schema of the other workflow says. */
export function compileChild(
  step: WorkflowStepDefinition,
  common: CompiledNodeCommon,
  names: Names,
): CompiledChildNode {
  return {
    ...common,
    kind: 'workflow',
    workflow: step.workflow,
    version: step.version ?? 0,
    parameters: step.parameters === undefined ? undefined : compileTemplate(step.parameters, 'input', names),
    onFailure: step.onFailure ?? 'fail',
  };
}
