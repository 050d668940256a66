/** The example agent that exists in every language (docs/agents/README.md): echo, digest, count, fail. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, type AgentOptions, capability, StepError } from 'yardmaster/agent-sdk';
import { z } from 'zod';
import { digest } from './digest.ts';

const version = '1.0.0';

export const Echo = capability('echo', {
  version,
  description: 'Gives its input back',
  input: z.looseObject({}),
  output: z.looseObject({}),
  idempotent: true,
});

export const Digest = capability('digest', {
  version,
  description: 'SHA-256 of a text, so many rounds of it: works the processor',
  input: z.object({ text: z.string(), rounds: z.int().min(1).max(100_000_000) }),
  output: z.object({ sha256: z.string() }),
  idempotent: true,
});

export const Count = capability('count', {
  version,
  description: 'Counts slowly, with progress, a line of output and a checkpoint for each number',
  input: z.object({ to: z.int().min(0).max(1_000_000), delayMs: z.int().min(0).max(3_600_000) }),
  output: z.object({ counted: z.int() }),
});

export const Fail = capability('fail', {
  version,
  description: 'Fails in the way that it is told',
  input: z.object({
    code: z.string(),
    message: z.string(),
    retryable: z.boolean().optional(),
    retryAfterMs: z.int().min(0).optional(),
    avoidThisAgent: z.boolean().optional(),
    details: z.json().optional(),
    times: z.int().min(0).optional(),
  }),
  output: z.object({ tries: z.int() }),
  idempotent: true,
});

const Checkpoint = z.object({ at: z.int() });

/** Not started. */
export function createExampleAgent(options: AgentOptions): Agent {
  return new Agent(options)
    .handle(Echo, (input) => input)
    .handle(Digest, async ({ text, rounds }, { signal }) => ({ sha256: await digest(text, rounds, signal) }))
    .handle(Count, async ({ to, delayMs }, ctx) => {
      const from = ctx.lastCheckpoint === undefined ? 0 : Checkpoint.parse(ctx.lastCheckpoint).at;
      for (let n = from + 1; n <= to; n++) {
        await sleep(delayMs, undefined, { signal: ctx.signal });
        ctx.progress(n / to, `${n} of ${to}`);
        await ctx.write(`${n}\n`, { channel: 'out' });
        ctx.checkpoint({ at: n });
      }
      return { counted: to };
    })
    .handle(Fail, ({ code, message, times, ...how }, { attempt }) => {
      if (times !== undefined && attempt.try > times) return { tries: attempt.try };
      throw new StepError(code, message, withoutGaps(how));
    });
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** What was left out stays left out. */
function withoutGaps<T extends object>(how: T): Given<T> {
  // The entries are those of `how` whose value is not undefined.
  return Object.fromEntries(Object.entries(how).filter(([, value]) => value !== undefined)) as Given<T>;
}
