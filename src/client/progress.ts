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
  /** When it will probably end, by what completed runs took, on the clock of the control plane; undefined: nobody knows, or it is over. */
  readonly estimatedCompletion: Date | undefined;
  /** Milliseconds until then; 0 after the end; undefined: nobody knows. */
  readonly etaMs: number | undefined;
}

/** `nowMs`: by the clock of the control plane. */
export function toProgress(run: RunView, nowMs: number): WorkflowProgress {
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
    estimatedCompletion: run.estimatedCompletion,
    etaMs: estimateEta(run, nowMs),
  };
}

/** Milliseconds to the end, never negative; undefined: nobody knows, or the time that was estimated has gone by. */
export function estimateEta(run: RunView, nowMs: number): number | undefined {
  if (isTerminalRun(run.status)) return 0;
  const leftMs = run.estimatedCompletion === undefined ? -1 : run.estimatedCompletion.getTime() - nowMs;
  return leftMs < 0 ? undefined : leftMs;
}
