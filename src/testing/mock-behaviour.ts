/** What a mock does with one action. */

import type { HandlerContext } from '../agent-sdk/index.ts';
import { StepError } from '../agent-sdk/index.ts';
import type { Capability } from '../core/capability.ts';
import type { Untyped } from '../workflow/builder/recorded.ts';

/** A capability or the bare name of an action. */
export type Offered = Capability | string;

/** What a handler of the action answers. */
export type AnswerOf<C> = C extends Capability<unknown, unknown, unknown, infer Output> ? Output : Untyped;
type InputOf<C> = C extends Capability<unknown, unknown, infer Input, unknown> ? Input : Untyped;

/** A value, or a handler that makes it. */
export type Response<C> =
  | AnswerOf<C>
  | ((input: InputOf<C>, ctx: HandlerContext) => AnswerOf<C> | PromiseLike<AnswerOf<C>>);

export interface FailureOptions {
  /** The next so many attempts fail; default: all. */
  readonly times?: number;
  readonly message?: string;
  /** False: the step is not tried again. Default: its policy decides. */
  readonly retryable?: boolean;
  /** Milliseconds before which it is not tried again. */
  readonly retryAfterMs?: number;
}

export class MockBehaviour {
  readonly offered: Offered;
  response: unknown = null;
  /** Milliseconds of virtual time before the answer; Infinity: until it is told to stop. */
  delayMs = 0;
  /** The process dies when it gets the next one. */
  crashes = false;
  /** Assignments are not even looked at. */
  ignores = false;
  #failure: { readonly error: StepError; left: number } | undefined;

  constructor(offered: Offered) {
    this.offered = offered;
  }

  get name(): string {
    return nameOf(this.offered);
  }

  fail(code: string, options: FailureOptions): void {
    const { times = Number.POSITIVE_INFINITY, message = `the mock of "${this.name}" fails`, ...rest } = options;
    this.#failure = { error: new StepError(code, message, rest), left: times };
  }

  /** The answer; throws the failure that is due. */
  answer(input: unknown, ctx: HandlerContext): unknown {
    if (this.#failure !== undefined && this.#failure.left > 0) {
      this.#failure.left -= 1;
      throw this.#failure.error;
    }
    const { response } = this;
    return typeof response === 'function' ? response(input, ctx) : response;
  }
}

export function nameOf(offered: Offered): string {
  return typeof offered === 'string' ? offered : offered.name;
}
