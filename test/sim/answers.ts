/** What the handlers gave, written down by the handlers: the journal's word is compared with it. */
import { HandBack, StepError } from '../../src/agent-sdk/step-error.ts';
import type { JsonValue } from '../../src/core/json.ts';
import type { Answer } from './reference/facts.ts';
import { cleared } from './secrets.ts';

export class Answers {
  private readonly given = new Map<string, Answer>();

  /** `attempt` is `run/path#number`. */
  of(attempt: string): Answer | undefined {
    return this.given.get(attempt);
  }

  completed(attempt: string, output: JsonValue): void {
    this.given.set(attempt, { kind: 'completed', output: cleared(output) });
  }

  /** `isStopped`: it was told to stop before; whatever it throws then is no failure of its own. */
  threw(attempt: string, error: unknown, isStopped: boolean): void {
    this.given.set(attempt, isStopped ? { kind: 'stopped' } : answerOf(error));
  }
}

function answerOf(error: unknown): Answer {
  if (error instanceof HandBack) return { kind: 'handedBack' };
  if (!(error instanceof StepError)) return { kind: 'failed', code: 'HANDLER_ERROR', retryable: true, retryAfterMs: 0 };
  const { code, retryable = true, retryAfterMs } = error;
  return { kind: 'failed', code, retryable, retryAfterMs };
}
