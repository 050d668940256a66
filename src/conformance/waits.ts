/** Waiting for an agent. Every wait has an end, and one that is over throws a `Breach` of the clauses that it was about. */
import { Breach } from './breach.ts';
import { Tape } from './tape.ts';

const LAST_WORDS_MS = 500;
const BEAT_MS = 1_000;
const SHORT_MS = 100;

export abstract class Waits {
  readonly tape = new Tape();
  /** Multiplies the times that an agent has for something. */
  readonly patience: number;

  constructor(patience: number) {
    this.patience = patience;
  }

  /** The agent's process is over: nothing more will come. */
  abstract get end(): string | undefined;

  /** What `look` finds, as soon as it finds something. */
  until<T>(
    clauses: readonly string[],
    expected: string,
    withinMs: number,
    look: () => T | undefined | false,
  ): Promise<T> {
    const ms = withinMs * this.patience;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    let last: NodeJS.Timeout | undefined;
    const attempt = (): void => {
      try {
        const found = look();
        if (found !== undefined && found !== false) resolve(found);
        else if (this.end !== undefined && last === undefined) {
          // Its last frames may still be on their way.
          last = setTimeout(
            () => reject(new Breach(clauses, expected, `the end of its process with ${this.end}`)),
            LAST_WORDS_MS,
          );
        }
      } catch (error) {
        reject(error);
      }
    };
    const unwatch = this.tape.watch(attempt);
    const timer = setTimeout(() => reject(new Breach(clauses, expected, `nothing of it within ${ms} ms`)), ms);
    attempt();
    return promise.finally(() => {
      clearTimeout(timer);
      clearTimeout(last);
      unwatch();
    });
  }

  /** Lets time pass in which `look` must find nothing; what it finds is told. */
  never(clauses: readonly string[], expected: string, duringMs: number, look: () => string | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const attempt = (): void => {
      const found = look();
      if (found !== undefined) reject(new Breach(clauses, expected, found));
    };
    const unwatch = this.tape.watch(attempt);
    const timer = setTimeout(resolve, duringMs);
    attempt();
    return promise.finally(() => {
      clearTimeout(timer);
      unwatch();
    });
  }

  /** The next beat: what the agent sent before it has arrived then. Or a second, when none comes. */
  async nextBeat(): Promise<void> {
    const from = this.tape.entries.length;
    const isOver = (): boolean =>
      this.tape.entries.slice(from).some((entry) => entry.kind === 'received' && entry.frame.case === 'beat');
    const { promise, resolve } = Promise.withResolvers<void>();
    const unwatch = this.tape.watch(() => {
      if (isOver()) resolve();
    });
    const timer = setTimeout(resolve, this.end !== undefined ? SHORT_MS : BEAT_MS);
    await promise;
    clearTimeout(timer);
    unwatch();
  }

  /** Lets time pass, in which anything may happen. */
  pass(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }
}
