/**
 * PURE: until when an attempt that we ended may still run, because its instance may not have heard of the end.
 *
 * Streams keep their order. So an instance that has heard the ack of a beat which we took after the stop has read the stop; one
 * that has not has, for its own clock, an ack of before it at best, and stops within a window of that (StopWatch of the SDK). What
 * has heard and goes on all the same ignores its signal, and has the grace.
 */
import { times } from '../../core/limits.ts';
import type { SentStop } from './held-sync.ts';
import type { Instance } from './instance.ts';

export interface EndedAttempt {
  readonly attemptId: string;
  readonly instanceId: string;
  /** What the step says; 0: the fleet's. Counts where the attempt is not held any more. */
  readonly lossWindowMs: number;
}

export interface UnheardOptions {
  readonly instances: ReadonlyMap<string, Instance>;
  readonly beatIntervalMs: number;
  readonly lossWindowMs: number;
  /** Registry time. Nobody has heard from us before this, for all that we know. */
  readonly startedAt: number;
}

/** It has stopped, or has heard that it must. */
const HEARD = Number.NEGATIVE_INFINITY;

export class Unheard {
  private readonly options: UnheardOptions;

  constructor(options: UnheardOptions) {
    this.options = options;
  }

  /** Registry time at which to ask again at the latest: then it is over, or more is known. Not after `at`: it is over. */
  until({ attemptId, instanceId, lossWindowMs }: EndedAttempt, at: number): number {
    const { instances, startedAt } = this.options;
    const instance = instances.get(instanceId);
    if (instance === undefined) return startedAt + this.windowOf(lossWindowMs);
    const held = instance.held.get(attemptId);
    if (held !== undefined) return this.untilHeard(instance, held.stopSent, this.windowOf(held.lossWindowMs), at);
    // Since we started it has said what it has, and this is not among it.
    if (instance.connectedAt > 0) return HEARD;
    return instance.lastFrameAt + this.windowOf(lossWindowMs);
  }

  /** The same of everything that we ended in a run and that is held, also where the run has forgotten it. */
  untilOfRun(runId: string, at: number): number {
    let until = HEARD;
    for (const instance of this.options.instances.values()) {
      for (const held of instance.held.values()) {
        if (held.runId !== runId || !held.isFenced || held.idempotent === true) continue;
        until = Math.max(until, this.untilHeard(instance, held.stopSent, this.windowOf(held.lossWindowMs), at));
      }
    }
    return until;
  }

  private untilHeard(instance: Instance, sent: SentStop | undefined, windowMs: number, at: number): number {
    const { peer, isManual, lastFrameAt } = instance;
    if (isManual && peer !== undefined) return HEARD;
    const soon = at + this.options.beatIntervalMs;
    // The end is not durable yet, or nothing has reached it since.
    if (sent === undefined) return peer === undefined ? lastFrameAt + windowMs : soon;
    if (sent.readAt !== undefined) return this.untilGrace(sent.at, sent.readAt);
    const over = Math.min(sent.at, lastFrameAt) + windowMs;
    return peer === undefined ? over : Math.min(soon, over);
  }

  /** Most read it within two beats; one that reads it late has its grace from then. */
  private untilGrace(sentAt: number, readAt: number): number {
    const isLate = readAt - sentAt > times.stopGraceMs + this.options.beatIntervalMs;
    return (isLate ? readAt : sentAt) + times.stopGraceMs;
  }

  private windowOf(lossWindowMs: number): number {
    return lossWindowMs === 0 ? this.options.lossWindowMs : lossWindowMs;
  }
}
