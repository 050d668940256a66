/** Plans of workflows from the wire. */
import type { PlannedStep, PlanWorkflowResponse } from '../../gen/yardmaster/v1/workflow_service_pb.ts';
import { toProblem } from '../errors.ts';
import { readStepKind } from '../statuses.ts';
import type { PlannedStepView, WorkflowPlanView } from '../views.ts';
import { toCandidate } from './run.ts';
import { toDate, toMs } from './wire.ts';
import { toWorkflowSchedule } from './workflow-schedule.ts';

export function toPlan(plan: PlanWorkflowResponse): WorkflowPlanView {
  const { changes } = plan;
  return {
    name: plan.name,
    version: plan.version,
    created: plan.created,
    baseVersion: plan.baseVersion === 0 ? undefined : plan.baseVersion,
    changes: changes && {
      addedSteps: changes.addedSteps,
      removedSteps: changes.removedSteps,
      changedSteps: changes.changedSteps,
      changedFields: changes.changedFields,
    },
    steps: plan.steps.map(toStep),
    waves: plan.waves,
    criticalPath: plan.criticalPath,
    criticalMs: toMs(plan.criticalDuration),
    usualMs: toMs(plan.usualDuration),
    pastRuns: plan.pastRuns,
    warnings: plan.warnings.map(toProblem),
    schedule: toWorkflowSchedule(plan.schedule),
    scheduleTimes: plan.scheduleTimes.map((time) => toDate(time)).filter((time) => time !== undefined),
  };
}

function toStep(step: PlannedStep): PlannedStepView {
  return {
    stepId: step.stepId,
    kind: readStepKind(step.kind),
    depth: step.depth,
    wave: step.wave,
    cleanup: step.cleanup,
    action: step.requirement?.action ?? '',
    candidates: step.candidates.map(toCandidate),
    able: step.able,
    free: step.free,
    usualMs: toMs(step.usualDuration),
  };
}
