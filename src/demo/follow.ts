/**
 * Follows the run live. When the first checkpoint of the transformer is durable it kills the process that has the step, and
 * notes how long the next attempt took to start elsewhere.
 */
import type { RunEvent } from '../client/index.ts';
import { type Fleet, nameOf } from './fleet.ts';
import { formatRows, type Lines } from './lines.ts';
import type { Killed, Rerouted } from './result.ts';

/** The step whose agent dies. */
export const VICTIM = 'transform-data';
/** Progress is shown at each of these. */
const QUARTER = 0.25;

/** Children whose block is told as one line. */
const BLOCKS: Readonly<Record<string, readonly string[]>> = {
  'extract-data': ['extract-db1', 'extract-db2', 'extract-api'],
  'generate-outputs': ['generate-report', 'update-dashboard', 'send-notifications'],
};
const TOLD_IN_BLOCKS = new Set(Object.values(BLOCKS).flat());

export interface FollowOptions {
  readonly fleet: Fleet;
  readonly lines: Lines;
  readonly kill: (pid: number) => void;
}

interface StepStory {
  readonly startedAt: number;
  instance: string;
  /** What its agent logged about rows. */
  rows?: number;
  fraction: number;
  shown: number;
}

export class Follower {
  killed: Killed | undefined;
  rerouted: Rerouted | undefined;
  /** Wall time of the kill, milliseconds since the epoch: where its bar ends in the timeline. */
  killedAt: number | undefined;
  #killedMonotonic = 0;
  readonly #options: FollowOptions;
  readonly #steps = new Map<string, StepStory>();

  constructor(options: FollowOptions) {
    this.#options = options;
  }

  async follow(events: AsyncIterable<RunEvent>): Promise<void> {
    for await (const event of events) this.#hear(event);
  }

  #hear(event: RunEvent): void {
    switch (event.type) {
      case 'stepReady':
        this.#steps.set(event.step, { startedAt: event.time.getTime(), instance: '', fraction: 0, shown: 0 });
        return;
      case 'attemptStarted':
        return this.#start(event);
      case 'checkpointStored':
        return this.#strike(event.step, event.attempt);
      case 'stepProgressed':
        return this.#progress(event.step, event.fraction, event.message);
      case 'stepLogged':
        return this.#log(event.step, event.fields);
      case 'stepEnded':
        return this.#end(event);
      default:
        return;
    }
  }

  #start({ step, instance, attempt, resumed }: Extract<RunEvent, { type: 'attemptStarted' }>): void {
    const story = this.#steps.get(step);
    if (story !== undefined) story.instance = instance;
    const { killed } = this;
    if (killed === undefined || step !== killed.step || this.rerouted !== undefined) return;
    const ms = Math.round((performance.now() - this.#killedMonotonic) * 10) / 10;
    this.rerouted = { step, attempt, fromInstance: killed.instance, toInstance: instance, ms };
    const from = resumed ? 'from its checkpoint' : 'from the beginning';
    const fact = `attempt ${attempt}, ${from}, ${Math.round(ms)} ms later`;
    this.#options.lines.say({ mark: '->', subject: step, who: nameOf(this.#options.fleet, instance), fact });
  }

  /** The kill. Nothing is awaited between the news and the signal. */
  #strike(step: string, attempt: number): void {
    const { fleet, kill, lines } = this.#options;
    const story = this.#steps.get(step);
    const process = story === undefined ? undefined : fleet.get(story.instance);
    if (step !== VICTIM || story === undefined || process === undefined || this.killed !== undefined) return;
    this.#killedMonotonic = performance.now();
    kill(process.pid);
    this.killedAt = Date.now();
    const { agent, pid } = process;
    this.killed = { agent, instance: story.instance, pid, step, attempt };
    const fact = `killed (SIGKILL, pid ${pid}) at ${Math.round(story.fraction * 100)}%`;
    lines.say({ mark: '!', subject: step, who: nameOf(fleet, story.instance), fact });
  }

  #progress(step: string, fraction: number, message: string): void {
    const story = this.#steps.get(step);
    if (story === undefined) return;
    story.fraction = fraction;
    if (step !== VICTIM || fraction < story.shown + QUARTER || fraction >= 1) return;
    story.shown = Math.floor(fraction / QUARTER) * QUARTER;
    const { fleet, lines } = this.#options;
    const fact = `${Math.round(fraction * 100)}%, ${message}`;
    lines.say({ mark: '..', subject: step, who: nameOf(fleet, story.instance), fact });
  }

  #log(step: string, fields: Readonly<Record<string, string>>): void {
    const story = this.#steps.get(step);
    const rows = Number(fields.rows);
    if (story !== undefined && Number.isFinite(rows)) story.rows = rows;
  }

  #end({ step, status, time, error }: Extract<RunEvent, { type: 'stepEnded' }>): void {
    const { fleet, lines } = this.#options;
    const story = this.#steps.get(step);
    if (status !== 'COMPLETED') {
      lines.say({
        mark: 'x',
        subject: step,
        fact: `${status}${error === undefined ? '' : ` ${error.code}: ${error.message}`}`,
      });
      return;
    }
    if (story === undefined || TOLD_IN_BLOCKS.has(step)) return;
    const ms = time.getTime() - story.startedAt;
    const children = BLOCKS[step];
    if (children !== undefined) {
      lines.say({ mark: 'ok', subject: children.join(', '), fact: this.#rowsOf(children), ms });
    } else if (story.instance !== '') {
      lines.say({
        mark: 'ok',
        subject: step,
        who: nameOf(fleet, story.instance),
        fact: `${this.#rowsOf([step])}${step === 'clean-data' ? ' kept' : ''}`,
        ms,
      });
    }
  }

  #rowsOf(steps: readonly string[]): string {
    const rows = steps.flatMap((step) => this.#steps.get(step)?.rows ?? []);
    return rows.length < steps.length ? '' : formatRows(rows.reduce((sum, count) => sum + count, 0));
  }
}
