/** What a simulated handler does with one attempt: decided by the seed and the attempt alone. */
import type { HandlerContext } from '../../src/agent-sdk/context.ts';
import { HandBack, StepError } from '../../src/agent-sdk/step-error.ts';
import { type Clock, sleep } from '../../src/core/clock.ts';
import type { Dice } from './dice.ts';
import type { Execution } from './executions.ts';

export interface BehaviourSettings {
  readonly failures: number;
  readonly handBacks: number;
  readonly stubborn: number;
  /** Longest work of a handler, ms; most take much less. */
  readonly workMs: number;
  readonly outputChars: number;
}

/** Heals with the world: handlers then only succeed or fail by their own luck. */
export interface Moods {
  isStubbornAllowed: boolean;
}

export async function behave(
  ctx: HandlerContext,
  execution: Execution,
  { dice, clock, settings, moods }: { dice: Dice; clock: Clock; settings: BehaviourSettings; moods: Moods },
): Promise<unknown> {
  const isStubborn = moods.isStubbornAllowed && dice.chance(settings.stubborn);
  const workMs = dice.skewed(0, settings.workMs);
  const steps = dice.int(0, 3);
  if (isStubborn)
    ctx.signal.addEventListener('abort', () => {
      execution.isStubborn = true;
    });
  for (let step = 0; step <= steps; step++) {
    await sleep(clock, workMs / (steps + 1), isStubborn ? undefined : ctx.signal);
    if (step < steps) saveProgress(ctx, dice, step);
  }
  if (dice.chance(settings.failures)) throw failure(dice);
  if (dice.chance(settings.handBacks)) throw new HandBack();
  return {
    by: ctx.attempt.number,
    n: dice.int(0, 9),
    pad: 'x'.repeat(Math.floor(dice.skewed(0, settings.outputChars))),
  };
}

function saveProgress(ctx: HandlerContext, dice: Dice, step: number): void {
  if (dice.chance(0.5)) ctx.progress(step / 4, 'working');
  if (dice.chance(0.3)) ctx.checkpoint({ step, of: ctx.attempt.number });
  if (dice.chance(0.2)) ctx.log.info('a line');
}

function failure(dice: Dice): Error {
  if (dice.chance(0.3)) return new Error('it broke');
  return new StepError('SIM_FAILED', 'it failed', {
    ...(dice.chance(0.2) ? { retryable: false } : {}),
    retryAfterMs: dice.chance(0.2) ? dice.int(1, 2_000) : 0,
    avoidThisAgent: dice.chance(0.2),
    ...(dice.chance(0.2) ? { details: { why: 'luck' } } : {}),
  });
}
