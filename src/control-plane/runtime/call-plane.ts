/** Calls of handlers, as the API sees them. */
import type { StoredValue } from '../../core/stored-value.ts';
import type { Failure } from '../engine/events.ts';
import type { RunOutcome } from '../engine/status.ts';

export interface CallPlane {
  /**
   * Asks another agent on behalf of an attempt: first `accepted`, when the call is durable, last `result`. Throws ATTEMPT_UNKNOWN,
   * ATTEMPT_NOT_LIVE, CALL_KEY_REUSED, CALL_LIMIT and CHILD_DEPTH.
   */
  invoke(request: CallRequest, signal: AbortSignal): AsyncIterable<CallEvent>;
}

export interface CallRequest {
  readonly attemptId: string;
  /** Within the step. */
  readonly key: string;
  readonly capability: string;
  /** '' : any. */
  readonly agentId: string;
  /** A semver range. '' : any. */
  readonly version: string;
  /** That the instance must have. */
  readonly labels: Readonly<Record<string, string>>;
  /** Bytes of a Value. */
  readonly input: Uint8Array;
  /** Undefined: none. */
  readonly timeoutMs: number | undefined;
  readonly retries: number;
}

export type CallEvent =
  /** `isRepeat`: it was there already. */
  | { readonly type: 'accepted'; readonly runId: string; readonly isRepeat: boolean }
  | { readonly type: 'progress'; readonly fraction: number; readonly message: string }
  | {
      readonly type: 'result';
      readonly runId: string;
      readonly status: RunOutcome;
      /** A value of that run. */
      readonly output: StoredValue | undefined;
      readonly failure: Failure | undefined;
    };
