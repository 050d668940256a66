/** Plans of workflows. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { StepKind } from '../../../gen/yardmaster/v1/step_state_pb.ts';
import type { PlannedStepSchema, PlanWorkflowResponseSchema } from '../../../gen/yardmaster/v1/workflow_service_pb.ts';
import type { StepDefinition } from '../../../workflow/definition.ts';
import type { StepPlan, WorkflowPlan } from '../../runtime/control-plane.ts';
import { toProblem } from '../errors.ts';
import { writeCandidate, writeRequirement } from './explanation.ts';
import { STEP_KINDS } from './step-state.ts';
import { writeDuration } from './times.ts';
import { writeWorkflowSchedule } from './workflow-schedule.ts';

export function writePlan(plan: WorkflowPlan): MessageInitShape<typeof PlanWorkflowResponseSchema> {
  const { changes, critical, usualMs } = plan;
  return {
    name: plan.name,
    version: plan.version,
    created: plan.isNew,
    baseVersion: plan.baseVersion,
    ...(changes !== undefined && {
      changes: {
        addedSteps: [...changes.added],
        removedSteps: [...changes.removed],
        changedSteps: [...changes.changed],
        changedFields: [...changes.fields],
      },
    }),
    steps: plan.steps.map(writeStep),
    waves: plan.waves,
    ...(critical !== undefined && {
      criticalPath: [...critical.path],
      criticalDuration: writeDuration(critical.durationMs),
    }),
    ...(usualMs !== undefined && { usualDuration: writeDuration(usualMs) }),
    pastRuns: plan.pastRuns,
    warnings: plan.warnings.map(toProblem),
    ...(plan.schedule !== undefined && { schedule: writeWorkflowSchedule(plan.schedule) }),
    scheduleTimes: plan.scheduleTimes.map((at) => timestampFromMs(at)),
  };
}

function writeStep({
  step,
  depth,
  wave,
  isCleanup,
  usualMs,
  fleet,
}: StepPlan): MessageInitShape<typeof PlannedStepSchema> {
  return {
    stepId: step.id,
    kind: kindOf(step),
    depth,
    wave,
    cleanup: isCleanup,
    ...(usualMs !== undefined && { usualDuration: writeDuration(usualMs) }),
    ...(fleet !== undefined && {
      ...writeRequirement(fleet.class),
      candidates: fleet.candidates.map((candidate, i) => writeCandidate(candidate, i === 0)),
      able: fleet.able,
      free: fleet.free,
    }),
  };
}

/** A switch is run as a condition of many branches. */
function kindOf({ type }: StepDefinition): StepKind {
  return type === 'switch' ? StepKind.CONDITION : STEP_KINDS[type];
}
