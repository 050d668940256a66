/** What handlers write: kept here word by word, to compare with what is stored and read. */
import type { HandlerContext } from '../../src/agent-sdk/context.ts';
import type { Dice } from './dice.ts';

const VALUES_MAX = 4;
const CHARS_MAX = 3_000;

export class Outputs {
  /** By attempt (`run/step#1`). */
  private readonly written = new Map<string, string>();

  /** It was told to stop: what waited for room then, and what it writes after that, goes nowhere. */
  private readonly stopped = new Set<string>();

  isStopped(attempt: string): boolean {
    return this.stopped.has(attempt);
  }

  of(attempt: string): string {
    return this.written.get(attempt) ?? '';
  }

  /** Some handlers write, several pieces at a time, on one channel or two; some do not wait until there is room. */
  async write(ctx: HandlerContext, dice: Dice, token = ''): Promise<void> {
    const { runId, step, number } = ctx.attempt;
    const attempt = `${runId}/${step}#${number}`;
    ctx.signal.addEventListener('abort', () => this.stopped.add(attempt), { once: true });
    const isPatient = dice.chance(0.7);
    for (let rest = dice.int(0, VALUES_MAX); rest > 0; rest--) {
      const pad = dice.pick(['.', '\u00e4', '\u{1f682}']).repeat(Math.floor(dice.skewed(0, CHARS_MAX)));
      const text = `<${rest} of ${number}${pad}${dice.chance(0.2) ? token : ''}>`;
      const channel = dice.chance(0.2) ? { channel: 'errors' } : {};
      const writing = ctx.write(dice.chance(0.2) ? Buffer.from(text) : text, channel);
      if (!ctx.signal.aborted) this.written.set(attempt, this.of(attempt) + text);
      if (isPatient) await writing;
    }
  }
}
