/** Follows the run in which every language works: kills the agent that counts, of each language, when its first checkpoint is durable. */
import type { RunEvent } from '../client/index.ts';
import { type Fleet, nameOf } from './fleet.ts';
import type { Lines } from './lines.ts';
import type { Killed, Rerouted } from './result.ts';

export interface MixedFollowOptions {
  readonly fleet: Fleet;
  readonly lines: Lines;
  /** Steps whose agent dies, with their language. */
  readonly victims: ReadonlyMap<string, string>;
  readonly kill: (pid: number) => void;
}

export interface Kill extends Killed {
  readonly language: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly monotonic: number;
}

export class MixedFollower {
  /** By step. */
  readonly kills = new Map<string, Kill>();
  readonly reroutes = new Map<string, Rerouted>();
  readonly #options: MixedFollowOptions;
  readonly #startedAt = new Map<string, number>();
  readonly #holders = new Map<string, string>();

  constructor(options: MixedFollowOptions) {
    this.#options = options;
  }

  async follow(events: AsyncIterable<RunEvent>): Promise<void> {
    for await (const event of events) this.#hear(event);
  }

  #hear(event: RunEvent): void {
    switch (event.type) {
      case 'stepReady':
        this.#startedAt.set(event.step, event.time.getTime());
        return;
      case 'attemptStarted':
        return this.#start(event);
      case 'checkpointStored':
        return this.#strike(event.step, event.attempt);
      case 'attemptEnded':
        return this.#endAttempt(event);
      case 'stepEnded':
        return this.#end(event);
      default:
        return;
    }
  }

  #start({ step, instance, attempt, resumed }: Extract<RunEvent, { type: 'attemptStarted' }>): void {
    this.#holders.set(step, instance);
    const killed = this.kills.get(step);
    if (killed === undefined || this.reroutes.has(step)) return;
    const ms = Math.round((performance.now() - killed.monotonic) * 10) / 10;
    this.reroutes.set(step, { step, attempt, fromInstance: killed.instance, toInstance: instance, ms });
    const from = resumed ? 'from its checkpoint' : 'from the beginning';
    this.#say('->', step, instance, `attempt ${attempt}, ${from}, ${Math.round(ms)} ms later`);
  }

  /** The kill. Nothing is awaited between the news and the signal. */
  #strike(step: string, attempt: number): void {
    const { fleet, kill, victims } = this.#options;
    const instance = this.#holders.get(step) ?? '';
    const process = fleet.get(instance);
    const language = victims.get(step);
    if (language === undefined || process === undefined || this.kills.has(step)) return;
    const monotonic = performance.now();
    kill(process.pid);
    const { agent, pid } = process;
    this.kills.set(step, { language, agent, instance, pid, step, attempt, at: Date.now(), monotonic });
    this.#say('!', step, instance, `killed (SIGKILL, pid ${pid})`);
  }

  #endAttempt({ step, instance, attempt, outcome, error }: Extract<RunEvent, { type: 'attemptEnded' }>): void {
    if (outcome !== 'FAILED') return;
    this.#say('..', step, instance, `attempt ${attempt}: ${error?.code ?? 'failed'}`);
  }

  #end({ step, status, time, error }: Extract<RunEvent, { type: 'stepEnded' }>): void {
    const instance = this.#holders.get(step);
    // A block has no agent.
    if (instance === undefined) return;
    const ms = time.getTime() - (this.#startedAt.get(step) ?? time.getTime());
    if (status === 'COMPLETED') this.#say('ok', step, instance, '', ms);
    else this.#say('x', step, instance, `${status} ${error?.code ?? ''}`, ms);
  }

  #say(mark: 'ok' | '!' | '->' | '..' | 'x', subject: string, instance: string, fact: string, ms?: number): void {
    const { fleet, lines } = this.#options;
    lines.say({ mark, subject, who: nameOf(fleet, instance), fact, ...(ms === undefined ? {} : { ms }) });
  }
}
