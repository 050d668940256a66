/**
 * A commit failed and its runs were read anew: what the scheduler, the slots, the streams and the watchers were told of
 * them when it was staged is set right by what is durable. The batch may have landed without a word, or not at all.
 */
import { formatAttemptId } from '../../core/ids.ts';
import { times } from '../../core/limits.ts';
import { findAttempt, liveAttempts } from '../engine/attempts.ts';
import { findStep, liveSteps } from '../engine/frames.ts';
import type { AttemptRecord, RunState } from '../engine/state.ts';
import { isRunOver, type StopReason } from '../engine/status.ts';
import type { Fleet } from '../registry/fleet.ts';
import type { HeldAttempt, Instance } from '../registry/instance.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Outbox } from './outbox.ts';
import type { RunHolder } from './run-holder.ts';
import { slotOf } from './step-classes.ts';
import type { WatchHub } from './watch.ts';

export interface RereadsOptions {
  readonly fleet: Fleet;
  readonly dispatcher: Dispatcher;
  readonly outbox: Outbox;
  readonly watch: WatchHub;
}

export class Rereads {
  private readonly options: RereadsOptions;

  constructor(options: RereadsOptions) {
    this.options = options;
  }

  /** Before the commands that wait are decided again. */
  reloaded(holder: RunHolder, state: RunState): void {
    const { dispatcher, watch, outbox } = this.options;
    const assigned = new Set<string>();
    const settling = new Set<string>();
    const ending = new Set<string>();
    for (const { command } of holder.waiting) {
      if (command.type === 'AssignStep') assigned.add(command.path);
      if (command.type === 'SettleAttempt') settling.add(`${command.path}#${command.number}`);
      if (command.type === 'EndAttempt') ending.add(`${command.path}#${command.number}`);
    }
    dispatcher.requeue(state, assigned);
    watch.reread(state.runId);
    if (isRunOver(state.status)) watch.over(state.runId);
    for (const instance of this.options.fleet.instances.values()) this.correct(instance, state, ending);
    for (const step of liveSteps(state)) {
      for (const attempt of liveAttempts(step)) {
        const name = `${step.path}#${attempt.number}`;
        if (!ending.has(name)) this.lease(state, step.path, attempt, settling.has(name));
      }
    }
    outbox.flushSoon();
  }

  /** The run is not there: its start did not become durable. */
  missing(runId: string): void {
    this.options.dispatcher.forget(runId);
    for (const instance of this.options.fleet.instances.values()) {
      for (const held of instance.held.values())
        if (held.runId === runId && !held.isFenced)
          this.options.dispatcher.release(instance.instanceId, held.attemptId);
    }
  }

  /** What an instance holds of the run: a lease that is not durable frees its slot, a stop that is not is taken back. */
  private correct(instance: Instance, state: RunState, ending: ReadonlySet<string>): void {
    for (const held of instance.held.values()) {
      if (held.runId !== state.runId) continue;
      const step = findStep(state, held.path);
      const attempt = step === undefined ? undefined : findAttempt(step, held.number);
      // Its end waits to be decided. One whose lease was undone has none: nobody else would let go of it.
      if (attempt !== undefined && ending.has(`${held.path}#${held.number}`)) continue;
      const isOurs = attempt?.instanceId === instance.instanceId;
      if (isOurs && attempt.outcome === undefined) this.revive(instance, held, state);
      else if (!held.isFenced) this.options.dispatcher.release(instance.instanceId, held.attemptId);
      else this.stop(instance, held, 'SUPERSEDED', 0);
    }
  }

  /** LIVE after all; a stop stands only when the step is durably stopping. */
  private revive(instance: Instance, held: HeldAttempt, state: RunState): void {
    held.isFenced = false;
    if ((findStep(state, held.path)?.detail?.stoppingUntil ?? 0) === 0) held.stop = undefined;
    else this.stop(instance, held, 'CANCELLED', times.stopGraceMs);
  }

  private stop(instance: Instance, held: HeldAttempt, reason: StopReason, graceMs: number): void {
    held.stop ??= { attemptId: held.attemptId, reason, graceMs };
    this.options.outbox.stop(instance, held.stop);
  }

  /**
   * A lease that is durable takes its slot. When its commit failed the instance gets it now, or again if it has not accepted;
   * one whose result waits to be decided again has run already.
   */
  private lease(state: RunState, path: string, attempt: AttemptRecord, hasResult: boolean): void {
    const { dispatcher, fleet } = this.options;
    const instance = fleet.instances.get(attempt.instanceId);
    const assignment = dispatcher.assignmentOf(state, path, attempt.number, undefined);
    if (instance === undefined || assignment === undefined) return;
    const attemptId = formatAttemptId({ runId: state.runId, path, number: attempt.number });
    const key = findStep(state, path)?.detail?.key;
    const known = instance.held.get(attemptId);
    if (known !== undefined) {
      if (known.acceptUntil > 0) void dispatcher.send(instance, known, assignment);
      return;
    }
    const held: HeldAttempt = {
      attemptId,
      runId: state.runId,
      path,
      number: attempt.number,
      capability: assignment.capability,
      ...(key === undefined ? {} : { key }),
      idempotent: attempt.idempotent,
      lossWindowMs: assignment.lossWindowMs,
      acceptUntil: 0,
      heardAt: 0,
      stop: undefined,
      isSent: hasResult,
      isFenced: false,
      checkpointAt: Number.NEGATIVE_INFINITY,
    };
    fleet.hold(instance, held);
    dispatcher.takeSlot(slotOf(instance.instanceId, held));
    if (!hasResult) void dispatcher.send(instance, held, assignment);
  }
}
