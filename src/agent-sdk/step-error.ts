/** What a handler may throw to say more than "it failed". */
import type { StopCause } from './news.ts';

export interface StepErrorOptions {
  /** False ends the step at once; absent: the retry policy of the step decides. */
  readonly retryable?: boolean;
  /** Not before this many milliseconds. */
  readonly retryAfterMs?: number;
  /** Facts for programs: JSON, at most 256 KiB. */
  readonly details?: unknown;
  /** True when the next try should go to another instance if there is one. */
  readonly avoidThisAgent?: boolean;
  readonly cause?: unknown;
}

/** Fails the attempt with a code of the author's own, in UPPER_SNAKE. */
export class StepError extends Error {
  readonly code: string;
  readonly retryable: boolean | undefined;
  readonly retryAfterMs: number;
  readonly details: unknown;
  readonly avoidThisAgent: boolean;

  constructor(code: string, message: string, options: StepErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'StepError';
    this.code = code;
    this.retryable = options.retryable;
    this.retryAfterMs = options.retryAfterMs ?? 0;
    this.details = options.details;
    this.avoidThisAgent = options.avoidThisAgent ?? false;
  }
}

/** Gives the attempt back: another agent does it, and no try is counted. */
export class HandBack extends Error {
  constructor(reason = 'handed back by the handler') {
    super(reason);
    this.name = 'HandBack';
  }
}

/** The reason of `ctx.signal`. Its name is the platform's, so that code which looks for an abort finds one. */
export class AttemptStopped extends Error {
  readonly stopCause: StopCause;
  /** Time to stop, from the abort on. */
  readonly graceMs: number;

  constructor(stopCause: StopCause, graceMs: number) {
    super(`the attempt must stop: ${stopCause}`);
    this.name = 'AbortError';
    this.stopCause = stopCause;
    this.graceMs = graceMs;
  }
}
