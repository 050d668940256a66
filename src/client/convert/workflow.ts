/** Registered workflows from the wire. */

import type { Step } from '../../gen/yardmaster/v1/step_pb.ts';
import type { Workflow } from '../../gen/yardmaster/v1/workflow_pb.ts';
import type { RegisterWorkflowResponse } from '../../gen/yardmaster/v1/workflow_service_pb.ts';
import { toProblem } from '../errors.ts';
import type { StepKind } from '../statuses.ts';
import type { RegisteredWorkflow, WorkflowStepView, WorkflowView } from '../views.ts';
import { textOrNone, toDate } from './wire.ts';
import { toWorkflowSchedule } from './workflow-schedule.ts';

export function toWorkflow(workflow: Workflow): WorkflowView {
  return {
    name: workflow.name,
    label: workflow.label,
    description: workflow.description,
    version: workflow.version,
    hash: workflow.hash,
    parameters: workflow.parameters,
    schedule: toWorkflowSchedule(workflow.schedule),
    steps: [
      ...workflow.steps.flatMap((step) => flatten(step, 0, false)),
      ...workflow.finally.flatMap((step) => flatten(step, 0, true)),
    ],
    createTime: toDate(workflow.createTime),
    labels: workflow.labels,
  };
}

/** Recursion ends: the server accepts no deeper nesting than `limits.depthMax`, and protobuf reads at most 100. */
function flatten(
  step: Step,
  depth: number,
  cleanup: boolean,
  attached?: WorkflowStepView['attached'],
): WorkflowStepView[] {
  const { block, fallback, compensate } = step;
  const view: WorkflowStepView = {
    id: step.id,
    kind: KINDS[block.case ?? ''] ?? 'UNKNOWN',
    depth,
    dependencies: step.dependencies,
    action: block.case === 'agent' ? block.value.action : undefined,
    agentId: block.case === 'agent' ? textOrNone(block.value.agentId) : undefined,
    cleanup,
    attached,
  };
  return [
    view,
    ...(fallback === undefined ? [] : flatten(fallback, depth + 1, cleanup, 'fallback')),
    ...(compensate === undefined ? [] : flatten(compensate, depth + 1, cleanup, 'compensate')),
    ...childrenOf(block).flatMap((child) => flatten(child, depth + 1, cleanup)),
  ];
}

function childrenOf(block: Step['block']): readonly Step[] {
  switch (block.case) {
    case 'parallel':
    case 'sequential':
      return block.value.steps;
    case 'condition':
      return [...block.value.thenSteps, ...block.value.elseSteps];
    case 'switch':
      return [...block.value.cases.flatMap(({ steps }) => steps), ...block.value.defaultSteps];
    case 'loop':
      return block.value.body;
    case 'map':
      return block.value.step === undefined ? [] : [block.value.step];
    case 'agent':
    case 'set':
    case 'wait':
    case 'signal':
    case 'workflow':
    case undefined:
      return [];
  }
}

/** A switch is run as a condition of many branches. */
const KINDS: Readonly<Record<string, StepKind>> = {
  agent: 'AGENT',
  parallel: 'PARALLEL',
  sequential: 'SEQUENTIAL',
  condition: 'CONDITION',
  switch: 'CONDITION',
  set: 'SET',
  wait: 'WAIT',
  signal: 'SIGNAL',
  loop: 'LOOP',
  map: 'MAP',
  workflow: 'WORKFLOW',
};

export function toRegistered(response: RegisterWorkflowResponse): RegisteredWorkflow | undefined {
  if (response.workflow === undefined) return undefined;
  return {
    workflow: toWorkflow(response.workflow),
    created: response.created,
    warnings: response.warnings.map(toProblem),
  };
}
