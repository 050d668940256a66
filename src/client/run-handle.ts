/** A run that somebody started or names. */
import type { JsonValue } from '../core/json.ts';
import { toExplanation, toRun } from './convert/run.ts';
import type { MeshApi } from './mesh-api.ts';
import { type RetryOptions, retryRun } from './retry-runs.ts';
import type { RunEvent } from './run-event.ts';
import { awaitResult, type WorkflowResult } from './run-result.ts';
import { type SignalOptions, signalRun } from './signal-run.ts';
import { readRunStatus, type WorkflowStatus } from './statuses.ts';
import type { StepExplanation } from './views.ts';
import { type OutputEvent, type WatchOutputOptions, watchOutput } from './watch-output.ts';
import { type WatchRunOptions, watchRun } from './watch-run.ts';

export interface RunHandle<Output = JsonValue> {
  readonly id: string;
  /** Resolves when the run is terminal, also for FAILED, CANCELLED and TIMED_OUT; survives cuts and restarts. */
  result(): Promise<WorkflowResult<Output>>;
  /** Everything that happened and happens, until the run has ended. */
  events(options?: WatchRunOptions): AsyncIterable<RunEvent>;
  /** What the attempts of an agent step write while they work, until the step is over; a new attempt is told. */
  output(step: string, options?: WatchOutputOptions): AsyncIterable<OutputEvent>;
  /** Asks the run to end as CANCELLED; a second call ends its cleanup, too. */
  cancel(reason?: string): Promise<CancelAnswer>;
  /** Nothing new starts until `resume`; what runs goes on. False when the end of the run was decided before. */
  pause(reason?: string): Promise<boolean>;
  /** False when it was not paused. */
  resume(): Promise<boolean>;
  /** Sends it a signal; kept until a step takes it. False when an earlier call with this `requestId` sent it. */
  signal(name: string, payload?: unknown, options?: SignalOptions): Promise<boolean>;
  /** Why a step does not run; without a path, the step that has waited longest. */
  explain(path?: string): Promise<StepExplanation>;
  status(): Promise<WorkflowStatus>;
  /** Another try of the ended run: a new one that takes over what is done and starts the rest again. Throws RUN_NOT_RETRYABLE. */
  retry(options?: RetryOptions): Promise<RunHandle<Output>>;
}

export interface CancelAnswer {
  /** False when the end of the run was decided before. */
  readonly accepted: boolean;
  readonly status: WorkflowStatus;
}

export interface HandleOptions {
  readonly api: MeshApi;
  readonly runId: string;
  /** Aborts when the client is closed. */
  readonly signal: AbortSignal;
  /** What must be told before the result is. */
  readonly told: Promise<void> | undefined;
  /** The handle of a run that this one started. */
  readonly open: <Output>(runId: string) => RunHandle<Output>;
}

export function createRunHandle<Output>({ api, runId, signal, told, open }: HandleOptions): RunHandle<Output> {
  let result: Promise<WorkflowResult<Output>> | undefined;
  const resultAfterTold = async (): Promise<WorkflowResult<Output>> => {
    const [answer] = await Promise.all([awaitResult<Output>(api, runId, signal), told]);
    return answer;
  };
  return {
    id: runId,
    result() {
      result ??= resultAfterTold();
      return result;
    },
    events: (options = {}) => watchRun(api, runId, { ...options, signal: anySignal(signal, options.signal) }),
    output: (step, options = {}) =>
      watchOutput(api, runId, step, { ...options, signal: anySignal(signal, options.signal) }),
    cancel: (reason = '') => cancelRun(api, runId, reason),
    pause: async (reason = '') => (await api.runs.pauseRun({ runId, reason }, { signal })).accepted,
    resume: async () => (await api.runs.resumeRun({ runId }, { signal })).accepted,
    signal: (name, payload, options = {}) =>
      signalRun(api, runId, name, payload, { ...options, signal: anySignal(signal, options.signal) }),
    explain: async (path = '') => toExplanation(await api.runs.explainStep({ runId, stepPath: path }, { signal })),
    async status() {
      const { run } = await api.runs.getRun({ runId }, { signal });
      return run === undefined ? 'UNKNOWN' : toRun(run).status;
    },
    async retry({ requestId, signal: own } = {}) {
      const options = { signal: anySignal(signal, own), ...(requestId !== undefined && { requestId }) };
      return open<Output>((await retryRun(api, runId, options)).runId);
    },
  };
}

export async function cancelRun(api: MeshApi, runId: string, reason: string): Promise<CancelAnswer> {
  const { accepted, status } = await api.runs.cancelRun({ runId, reason });
  return { accepted, status: readRunStatus(status) };
}

export function anySignal(first: AbortSignal, second: AbortSignal | undefined): AbortSignal {
  return second === undefined ? first : AbortSignal.any([first, second]);
}
