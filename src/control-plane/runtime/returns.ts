/** What follows a Hello: the attempts that the instance lists, and those that we leased and it does not list. */
import type { Clock } from '../../core/clock.ts';
import { parseAttemptId } from '../../core/ids.ts';
import { limits } from '../../core/limits.ts';
import type { Logger } from '../../core/logger.ts';
import type { Fleet } from '../registry/fleet.ts';
import type { HelloFrame } from '../registry/frames.ts';
import type { HeldAttempt, Instance } from '../registry/instance.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Outbox } from './outbox.ts';
import type { OutputIntake } from './output-intake.ts';
import { untilRead } from './read-trouble.ts';
import type { Runs } from './runs.ts';

export interface ReturnsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly runs: Runs;
  readonly fleet: Fleet;
  readonly dispatcher: Dispatcher;
  readonly scheduler: Scheduler;
  readonly outbox: Outbox;
  readonly output: OutputIntake;
  readonly acceptUntil: () => number;
}

export class Returns {
  private readonly options: ReturnsOptions;

  constructor(options: ReturnsOptions) {
    this.options = options;
  }

  reconcile(instance: Instance, listed: HelloFrame['held']): void {
    const names = new Set<string>();
    for (const { attemptId, isFinished, lastChunk } of listed) {
      names.add(attemptId);
      if (isFinished) instance.sync.expectsAnswer(attemptId);
      const held = instance.held.get(attemptId);
      if (held !== undefined && lastChunk > 0 && !held.isFenced) this.options.output.returned(instance, held);
      if (held !== undefined) this.goesOn(instance, held);
      else if (!isFinished) this.unexpected(instance, attemptId);
    }
    const missing = instance.held.values().filter(({ attemptId }) => !names.has(attemptId));
    for (const held of missing) if (held.isFenced) this.stopped(instance, held);
    void this.resendAll(
      instance,
      missing.filter(({ isFenced }) => !isFenced),
    );
    this.options.outbox.flushSoon();
  }

  /** It has what we leased: it just goes on, unless it is to stop. */
  private goesOn(instance: Instance, held: HeldAttempt): void {
    held.acceptUntil = 0;
    held.isSent = true;
    if (held.stop !== undefined) this.options.outbox.stop(instance, held.stop);
    if (held.idempotent === false || held.isFenced) return;
    this.ask(held, (isLive) => {
      if (isLive) return;
      held.isFenced = true;
      held.stop = { attemptId: held.attemptId, reason: 'SUPERSEDED', graceMs: 0 };
      this.options.outbox.stop(instance, held.stop);
      this.options.outbox.flushSoon();
    });
  }

  /** It runs something that is no longer its own: it is told to stop, and the slot is taken until it has. */
  private unexpected(instance: Instance, attemptId: string): void {
    const key = parseAttemptId(attemptId);
    if (key === undefined) return this.options.outbox.stop(instance, { attemptId, reason: 'UNKNOWN', graceMs: 0 });
    const fenced: HeldAttempt = {
      ...key,
      attemptId,
      capability: '',
      idempotent: false,
      lossWindowMs: 0,
      acceptUntil: 0,
      heardAt: 0,
      stop: undefined,
      isSent: true,
      isFenced: true,
      checkpointAt: 0,
    };
    instance.held.set(attemptId, fenced);
    this.options.scheduler.apply({ type: 'slotTaken', instanceId: instance.instanceId, capability: '' });
    this.whenDurable(key.runId, () => {
      if (instance.held.get(attemptId) !== fenced) return;
      fenced.stop = { attemptId, reason: 'LOST', graceMs: 0 };
      this.options.outbox.stop(instance, fenced.stop);
      this.options.outbox.flushSoon();
    });
  }

  /** After everything that was asked of the run so far: the loss of the attempt may not be durable yet. */
  private whenDurable(runId: string, then: () => void): void {
    const { runs, logger } = this.options;
    if (runs.peek(runId) === undefined) return then();
    runs.submit({
      runId,
      command: { type: 'Continue', paths: [] },
      attachment: undefined,
      onAnswer: then,
      onError: (error) => logger.error('a run could not be looked at', { run: runId, error }),
      isClient: false,
      failures: 0,
    });
  }

  /**
   * We leased them and the instance does not have them: sent again under the same numbers, and no faster than its connection
   * takes them. Their time to accept begins when it is their turn.
   */
  private async resendAll(instance: Instance, missing: readonly HeldAttempt[]): Promise<void> {
    const { peer } = instance;
    for (const held of missing) {
      held.isSent = false;
      held.acceptUntil = 0;
    }
    for (const part of partsOf(missing)) {
      const mine = part.filter((held) => instance.held.get(held.attemptId) === held);
      for (const held of mine) {
        held.acceptUntil = instance.isManual ? 0 : this.options.acceptUntil();
        this.options.fleet.hold(instance, held);
      }
      const sent = mine.map((held) => this.resend(instance, held));
      if (peer?.whenRoom === undefined) continue;
      await Promise.all(sent);
      this.options.outbox.flush();
      await new Promise<void>((resolve) => peer.whenRoom?.(resolve));
      if (instance.peer !== peer) return;
    }
  }

  /** Its next attempt may wait for that. */
  private stopped(instance: Instance, { attemptId, runId, path, number }: HeldAttempt): void {
    const { dispatcher, runs, logger } = this.options;
    dispatcher.release(instance.instanceId, attemptId);
    if (runs.peek(runId) === undefined) return;
    runs.submit({
      runId,
      command: { type: 'ConfirmStop', path, number },
      attachment: undefined,
      onAnswer: undefined,
      onError: (error) => logger.error('the end of an attempt could not be noted', { attempt: attemptId, error }),
      isClient: false,
      failures: 0,
    });
  }

  private async resend(instance: Instance, held: HeldAttempt): Promise<void> {
    try {
      const { runs, dispatcher } = this.options;
      const assignment = await untilRead(this.options, { attempt: held.attemptId }, () =>
        runs.inspect(held.runId, (state, holder) =>
          dispatcher.assignmentOf(state, held.path, held.number, holder.checkpoints?.get(held.path)),
        ),
      );
      if (assignment === undefined) this.options.dispatcher.release(instance.instanceId, held.attemptId);
      else {
        const nextChunk = await this.options.output.nextChunk(instance, held);
        if (instance.held.get(held.attemptId) !== held) return;
        await this.options.dispatcher.send(instance, held, {
          ...assignment,
          ...(nextChunk === undefined ? {} : { nextChunk }),
        });
        this.options.outbox.flushSoon();
      }
    } catch (error) {
      this.options.logger.error('an assignment could not be sent again', { attempt: held.attemptId, error });
    }
  }

  private ask(held: HeldAttempt, onLive: (isLive: boolean) => void): void {
    this.options.runs.submit({
      runId: held.runId,
      command: { type: 'ReturnAttempt', path: held.path, number: held.number },
      attachment: undefined,
      onAnswer: (answer) => onLive(answer.type === 'return' && answer.isLive),
      onError: (error) => this.options.logger.error('a return could not be taken', { attempt: held.attemptId, error }),
      isClient: false,
      failures: 0,
    });
  }
}

/** In order, each about as much as may be on its way at once. */
function partsOf(missing: readonly HeldAttempt[]): readonly (readonly HeldAttempt[])[] {
  const parts: HeldAttempt[][] = [];
  let room = 0;
  for (const held of missing) {
    if (room <= 0) {
      parts.push([]);
      room = limits.aheadBytesMax;
    }
    parts.at(-1)?.push(held);
    // Of one that was leased before a restart nobody knows.
    room -= held.bytes ?? limits.inlineWireBytesMax;
  }
  return parts;
}
