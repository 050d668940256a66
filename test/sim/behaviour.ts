/** What a simulated handler does with one attempt: decided by the seed and the attempt alone. */
import type { HandlerContext } from '../../src/agent-sdk/context.ts';
import { HandBack, StepError } from '../../src/agent-sdk/step-error.ts';
import { type Clock, sleep } from '../../src/core/clock.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { Dice } from './dice.ts';
import type { Execution } from './executions.ts';
import type { Outputs } from './outputs.ts';

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
  {
    dice,
    clock,
    settings,
    moods,
    token,
    outputs,
  }: {
    dice: Dice;
    clock: Clock;
    settings: BehaviourSettings;
    moods: Moods;
    token: string | undefined;
    outputs: Outputs;
  },
): Promise<JsonObject> {
  const isStubborn = moods.isStubbornAllowed && dice.chance(settings.stubborn);
  const workMs = dice.skewed(0, settings.workMs);
  const steps = dice.int(0, 3);
  const own = dice.fork('output');
  const isWriter = own.chance(0.4);
  if (isStubborn)
    ctx.signal.addEventListener('abort', () => {
      execution.isStubborn = true;
    });
  for (let step = 0; step <= steps; step++) {
    await sleep(clock, workMs / (steps + 1), isStubborn ? undefined : ctx.signal);
    if (isWriter) await outputs.write(ctx, own, token);
    if (step < steps) saveProgress(ctx, dice, step, token);
  }
  if (dice.chance(settings.failures)) throw failure(dice, token);
  if (dice.chance(settings.handBacks)) throw new HandBack();
  return {
    by: ctx.attempt.number,
    n: dice.int(0, 9),
    pad: 'x'.repeat(Math.floor(dice.skewed(0, settings.outputChars))),
    ...(token === undefined ? {} : { echo: `used ${token}` }),
  };
}

/** `token`: a secret, which a careless handler gives away. */
function saveProgress(ctx: HandlerContext, dice: Dice, step: number, token = ''): void {
  if (dice.chance(0.5)) ctx.progress(step / 4, `working ${token}`);
  if (dice.chance(0.3)) ctx.checkpoint({ step, of: ctx.attempt.number, token });
  if (dice.chance(0.2)) ctx.log.info(`a line ${token}`);
}

function failure(dice: Dice, token = ''): Error {
  if (dice.chance(0.3)) return new Error(`it broke ${token}`);
  return new StepError('SIM_FAILED', `it failed ${token}`, {
    ...(dice.chance(0.2) ? { retryable: false } : {}),
    retryAfterMs: dice.chance(0.2) ? dice.int(1, 2_000) : 0,
    avoidThisAgent: dice.chance(0.2),
    ...(dice.chance(0.2) ? { details: { why: `luck ${token}` } } : {}),
  });
}
