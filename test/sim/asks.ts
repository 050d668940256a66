/** What a simulated handler asks of other agents: decided by the seed and the step, so that every attempt of a step asks the same. */
import type { HandlerContext } from '../../src/agent-sdk/context.ts';
import { type Clock, sleep } from '../../src/core/clock.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { Dice } from './dice.ts';

interface Ask {
  readonly key: string;
  readonly action: string;
  readonly input: JsonObject;
  /** How long the handler waits for the answer, ms; 0: not at all. What it asks for may need its own slot. */
  readonly patienceMs: number;
  /** Without an answer it fails. */
  readonly isNeeded: boolean;
}

/** What handlers asked, written down by the handlers: what the control plane made of it is compared with it. */
export class Asked {
  private readonly keys = new Map<string, Set<string>>();

  note(runId: string, path: string, key: string): void {
    const step = `${runId}/${path}`;
    this.keys.set(step, (this.keys.get(step) ?? new Set()).add(key));
  }

  /** Different keys of a step. */
  count(runId: string, path: string): number {
    return this.keys.get(`${runId}/${path}`)?.size ?? 0;
  }
}

const KEYS = ['a', 'b'] as const;
const PATIENCE_MS = 40_000;

/** `chance`: that a handler asks at all. */
export function drawAsks(dice: Dice, chance: number, actions: readonly string[]): readonly Ask[] {
  if (!dice.chance(chance)) return [];
  return Array.from({ length: dice.int(1, 3) }, (_, i) => ({
    // Now and then the same key again, with the same or (which is refused) with other input.
    key: dice.pick(KEYS) + (dice.chance(0.2) ? '' : i),
    action: dice.pick(actions),
    input: { n: dice.int(0, 1) },
    patienceMs: dice.chance(0.2) ? 0 : dice.skewed(500, PATIENCE_MS),
    isNeeded: dice.chance(0.3),
  }));
}

/** One after the other, or beside each other where it does not wait. `token`: a secret, which a careless handler gives away. */
export async function askOthers(
  ctx: HandlerContext,
  asks: readonly Ask[],
  { asked, clock, token = '' }: { readonly asked: Asked; readonly clock: Clock; readonly token: string | undefined },
): Promise<void> {
  for (const { key, action, input, patienceMs, isNeeded } of asks) {
    asked.note(ctx.attempt.runId, ctx.attempt.step, key);
    const answer = ctx.invoke(action, { ...input, told: `used ${token}` }, { key });
    // Whoever no longer waits for it must not hear of its failure, either.
    answer.catch(() => {});
    if (patienceMs === 0) continue;
    try {
      await Promise.race([answer, sleep(clock, patienceMs, ctx.signal)]);
    } catch (error) {
      if (isNeeded || ctx.signal.aborted) throw error;
    }
  }
}
