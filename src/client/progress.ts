/** How far a run is, in the seed's words, computed from its live picture. */
import { isTerminalRun, type WorkflowStatus } from './statuses.ts';
import type { RunView } from './views.ts';

export interface WorkflowProgress {
  /** The run's id. */
  readonly executionId: string;
  readonly workflowId: string;
  readonly startTime: Date;
  readonly status: WorkflowStatus;
  /** Paths of the agent steps that run now. */
  readonly currentSteps: readonly string[];
  /** The first of them; after the end the step that failed, if one did. */
  readonly currentStep: string | undefined;
  /** Agent steps that have ended, skipped ones included. */
  readonly completedSteps: number;
  readonly totalSteps: number;
  /** 0 to 100, whole; 100 for every COMPLETED run and for no other. */
  readonly percentage: number;
  /** Milliseconds to the end, guessed; undefined: no ground for a guess. */
  readonly etaMs: number | undefined;
}

/** `pastMs`: how long completed runs of the same workflow took. */
export function toProgress(run: RunView, nowMs: number, pastMs: readonly number[] = []): WorkflowProgress {
  const current = run.steps.filter((step) => step.kind === 'AGENT' && step.status === 'RUNNING');
  const currentSteps = current.map((step) => step.path);
  return {
    executionId: run.runId,
    workflowId: run.workflow,
    startTime: run.startTime ?? run.createTime,
    status: run.status,
    currentSteps,
    currentStep: currentSteps[0] ?? run.error?.step,
    completedSteps: run.completedSteps,
    totalSteps: run.totalSteps,
    percentage: run.status === 'COMPLETED' ? 100 : Math.min(99, Math.floor(run.progress * 100)),
    etaMs: estimateEta(run, nowMs, pastMs),
  };
}

/** Past runs say how long the whole takes; without them the part that is done says it, once a tenth is. */
export function estimateEta(run: RunView, nowMs: number, pastMs: readonly number[]): number | undefined {
  if (isTerminalRun(run.status)) return 0;
  if (run.startTime === undefined) return undefined;
  const elapsed = Math.max(0, nowMs - run.startTime.getTime());
  const usual = median(pastMs);
  if (usual !== undefined && elapsed < usual) return Math.round(usual - elapsed);
  if (run.progress < 0.1) return undefined;
  return Math.round((elapsed * (1 - run.progress)) / run.progress);
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
