/** What `ctx.invoke` throws. */
import type { CallAnswer } from './link.ts';
import { StepError } from './step-error.ts';

export interface CallFacts {
  readonly capability: string;
  readonly key: string;
  /** Undefined: there is no run of it. */
  readonly runId?: string;
  /** How the call ended. REFUSED: it was not made, and `code` says why. */
  readonly status: Exclude<CallAnswer['status'], 'COMPLETED'> | 'REFUSED';
  /** The agent that failed; '' : none had it. */
  readonly agentId: string;
}

/**
 * A call that gave no answer. `code` is the one that the other handler failed with, RUN_TIMEOUT, CANCELLED, or why it was refused; thrown
 * on, it fails the attempt with the same code.
 */
export class CallFailed extends StepError {
  readonly call: CallFacts;

  constructor(
    code: string,
    message: string,
    call: CallFacts,
    options: ConstructorParameters<typeof StepError>[2] = {},
  ) {
    super(code, message, options);
    this.name = 'CallFailed';
    this.call = call;
  }
}
