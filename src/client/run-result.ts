/** The end of a run, awaited and told. */
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { isYardmasterError, YardmasterError } from '../core/errors.ts';
import type { JsonValue } from '../core/json.ts';
import { createBackoff } from './backoff.ts';
import { readPayload } from './blobs.ts';
import { toRun } from './convert/run.ts';
import { isCut } from './errors.ts';
import type { MeshApi } from './mesh-api.ts';
import { isTerminalRun, type SkipReason, type StepKind, type StepStatus, type WorkflowStatus } from './statuses.ts';
import { longCall } from './transport/connections.ts';
import type { AttemptView, RunFailure, RunView, StepView } from './views.ts';

/** Each call waits this long on the server, so that any number of waiting callers take turns. */
const WAIT_MS = 30_000;
/** The answer's own time, on top of the wait. */
const ANSWER_MS = 10_000;

/** A failed run has a result too: failure is data. */
export type WorkflowResult<Output = JsonValue> = ResultCommon &
  (
    | { readonly status: 'COMPLETED'; readonly output: Output; readonly error: undefined }
    | {
        readonly status: Exclude<WorkflowStatus, 'COMPLETED'>;
        readonly output: undefined;
        readonly error: RunFailure | undefined;
      }
  );

interface ResultCommon {
  readonly runId: string;
  /** The same, in the seed's word. */
  readonly executionId: string;
  /** Name of the workflow. */
  readonly workflowId: string;
  readonly version: number;
  /** Agent steps and blocks, in the order of the definition. */
  readonly steps: readonly StepResult[];
  readonly startTime: Date | undefined;
  readonly endTime: Date | undefined;
  /** Milliseconds from start to end. */
  readonly durationMs: number;
  readonly cleanupErrors: readonly RunFailure[];
}

export interface StepResult {
  readonly stepId: string;
  readonly path: string;
  readonly kind: StepKind;
  readonly status: StepStatus;
  readonly output: JsonValue | undefined;
  readonly error: RunFailure | undefined;
  readonly attempts: readonly AttemptView[];
  /** The agent and the instance of the last attempt. */
  readonly agent: string | undefined;
  readonly instance: string | undefined;
  readonly startTime: Date | undefined;
  readonly endTime: Date | undefined;
  readonly durationMs: number;
  readonly skipReason: SkipReason;
  readonly cleanup: boolean;
  /** It completed because its fallback did; `error` is why it failed itself. */
  readonly usedFallback: boolean;
  /** Path of the step that it is the fallback of. */
  readonly fallbackOf: string | undefined;
  /** Path of the step that it undoes. */
  readonly compensates: string | undefined;
}

/**
 * Waits until the run is terminal, over any number of cuts and restarts, and answers with all its values. `Output` is
 * the word of the workflow's type: the server checked it against nothing.
 */
export async function awaitResult<Output>(
  api: MeshApi,
  runId: string,
  signal: AbortSignal | undefined,
): Promise<WorkflowResult<Output>> {
  const run = await awaitTerminal(api, runId, signal);
  const steps: StepResult[] = [];
  for (const step of run.steps) steps.push(toStepResult(step, await readPayload(api, run.runId, step.output, signal)));
  const common: ResultCommon = {
    runId: run.runId,
    executionId: run.runId,
    workflowId: run.workflow,
    version: run.version,
    steps,
    startTime: run.startTime,
    endTime: run.endTime,
    durationMs: span(run),
    cleanupErrors: run.cleanupErrors,
  };
  if (run.status !== 'COMPLETED') return { ...common, status: run.status, output: undefined, error: run.error };
  const output = (await readPayload(api, run.runId, run.output, signal)) ?? null;
  return { ...common, status: 'COMPLETED', output: output as Output, error: undefined };
}

/** The first call asks for the values too, so that a short run costs one call; a long one asks again at its end. */
async function awaitTerminal(api: MeshApi, runId: string, signal: AbortSignal | undefined): Promise<RunView> {
  const backoff = createBackoff();
  let includeValues = true;
  for (;;) {
    const startedAt = performance.now();
    try {
      const run = await waitOnServer(api, { runId, includeValues, signal });
      if (isTerminalRun(run.status) && includeValues) return run;
      includeValues = isTerminalRun(run.status);
      if (includeValues || performance.now() - startedAt > WAIT_MS / 2) {
        backoff.reset();
        continue;
      }
    } catch (error) {
      if (signal?.aborted || !canWaitAgain(error)) throw error;
    }
    await backoff.pause(signal);
  }
}

async function waitOnServer(
  api: MeshApi,
  request: { readonly runId: string; readonly includeValues: boolean; readonly signal: AbortSignal | undefined },
): Promise<RunView> {
  const { runId, includeValues, signal } = request;
  const { run } = await api.runs.getRun(
    { runId, includeValues, wait: durationFromMs(WAIT_MS) },
    { timeoutMs: WAIT_MS + ANSWER_MS, contextValues: longCall(), ...(signal === undefined ? {} : { signal }) },
  );
  if (run === undefined) throw new YardmasterError('RUN_NOT_FOUND', `Cannot get run "${runId}": the answer is empty`);
  return toRun(run);
}

function canWaitAgain(error: unknown): boolean {
  return isCut(error) || (isYardmasterError(error) && error.meta.status === 'DEADLINE_EXCEEDED');
}

function toStepResult(step: StepView, output: JsonValue | undefined): StepResult {
  const last = step.attempts.at(-1);
  return {
    stepId: step.stepId,
    path: step.path,
    kind: step.kind,
    status: step.status,
    output,
    error: step.error,
    attempts: step.attempts,
    agent: last?.agent,
    instance: last?.instance,
    startTime: step.startTime,
    endTime: step.endTime,
    durationMs: span(step),
    skipReason: step.skipReason,
    cleanup: step.cleanup,
    usedFallback: step.usedFallback,
    fallbackOf: step.fallbackOf,
    compensates: step.compensates,
  };
}

function span(ended: { readonly startTime: Date | undefined; readonly endTime: Date | undefined }): number {
  if (ended.startTime === undefined || ended.endTime === undefined) return 0;
  return Math.max(0, ended.endTime.getTime() - ended.startTime.getTime());
}
