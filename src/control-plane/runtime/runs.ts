/**
 * The run mailboxes: the only place where run state is written. A command finds or loads its run, the engine decides, and what
 * was decided is staged for the next commit.
 *
 * Invariants: 1. commands of one run are decided one after another, in the order they came; 2. nothing of a run is staged
 * while one of its decisions still waits for values; 3. a command leaves only with its durable batch, so that a failed commit
 * decides it again.
 */
import { ChurnMap } from '../../core/churn-map.ts';
import { type Clock, sleep } from '../../core/clock.ts';
import { toYardmasterError, YardmasterError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { CompiledWorkflow } from '../../workflow/compiled.ts';
import { startRun } from '../engine/commands/start-run.ts';
import type { Answer, Command, Decision, StartRun, TimerFired } from '../engine/commands.ts';
import { decide } from '../engine/decide.ts';
import type { RunState } from '../engine/state.ts';
import { isRunOver } from '../engine/status.ts';
import type { AuditRow, Store, StoreError } from '../store/port.ts';
import type { Blobs } from './blobs.ts';
import type { Committer } from './committer.ts';
import { excessOf } from './journal-bounds.ts';
import { answerMissing } from './missing-run.ts';
import { isReadTrouble, READ_RETRY_MS, untilRead } from './read-trouble.ts';
import { type Pending, RunHolder } from './run-holder.ts';
import { type LoadedRun, RunLoader } from './run-loader.ts';
import type { StagedBatch } from './staged-batch.ts';
import { giveUp, isDecidedAgain } from './store-failures.ts';

export interface RunsOptions {
  readonly clock: Clock;
  readonly store: Store;
  readonly blobs: Blobs;
  readonly logger: Logger;
  readonly committer: () => Committer;
  readonly workflowOf: (namespace: string, name: string, version: number) => Promise<CompiledWorkflow>;
  /** Translates a decision's effects into rows and into what happens after the commit. */
  readonly stage: (holder: RunHolder, state: RunState, decision: Decision, pending: Pending) => void;
  /** A parent has its child run by what was just staged. */
  readonly onChildBegun: (childRunId: string) => void;
  /** The run's memory was dropped after a failed commit: what the scheduler and the timers know of it must be made anew. */
  readonly onReloaded: (holder: RunHolder, state: RunState) => void;
  /** There is no such run, or no longer: nothing may be left of it in the scheduler and in the slots. */
  readonly onMissing: (runId: string) => void;
  /** An AssignStep came for a run that is missing. */
  readonly onUnassigned: (pending: Pending) => void;
  /** Whether there is still room for the run of an AdmitRun. If not, it waits again. */
  readonly mayAdmit: (state: RunState) => boolean;
  /** Whether the instance of an AssignStep can still take it: the run may have been loaded meanwhile. If not, the step waits again. */
  readonly mayAssign: (state: RunState, pending: Pending) => boolean;
  /** What a timer has to know beside the state. */
  readonly timerFacts: (state: RunState, holder: RunHolder, command: TimerFired) => TimerFired;
}

export class Runs {
  private readonly options: RunsOptions;
  private readonly loader: RunLoader;
  private readonly holders = new ChurnMap<RunHolder>();
  private busyCount = 0;
  /** Runs whose memory was undone with a failed batch: their commands wait for `redo`. */
  private readonly undone = new Set<RunHolder>();
  /** Of those, and after `redo`: the ones that were not read again yet. */
  private readonly unread = new Set<RunHolder>();

  constructor(options: RunsOptions) {
    this.options = options;
    this.loader = new RunLoader(options);
  }

  /** True while a run is being read or a decision waits for values. */
  get isBusy(): boolean {
    return this.busyCount > 0;
  }

  /** True while some undone run was not read again: what its agents hold is not known, so nothing may be assigned. */
  get isReading(): boolean {
    return this.unread.size > 0;
  }

  get openCount(): number {
    return this.holders.size;
  }

  /** Of all open runs, and of some that ended a moment ago. */
  openIds(): string[] {
    return this.holders.keys();
  }

  /** A run that is in memory (its state may still be loading). */
  peek(runId: string): RunHolder | undefined {
    return this.holders.get(runId);
  }

  /** Makes room for a run that is known to exist (recovery). */
  adopt(runId: string): RunHolder {
    let holder = this.holders.get(runId);
    if (holder === undefined) {
      holder = new RunHolder(runId);
      this.holders.set(runId, holder);
    }
    return holder;
  }

  /** Forgets a run that is over and durable. */
  release(holder: RunHolder): void {
    if (!holder.isBusy && holder.waiting.length === 0 && this.holders.get(holder.runId) === holder)
      this.holders.delete(holder.runId);
  }

  submit(pending: Pending): void {
    const holder = this.adopt(pending.runId);
    if (holder.isBusy || (holder.state === undefined && isOfKnown(pending))) {
      holder.waiting.push(pending);
      if (!holder.isBusy) void this.load(holder);
      return;
    }
    this.handle(holder, pending);
  }

  /** The promise form of `submit`. */
  ask(runId: string, command: Command, audit?: AuditRow): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.submit({
        runId,
        command,
        attachment: undefined,
        onAnswer: resolve,
        onError: reject,
        isClient: true,
        failures: 0,
        ...(audit === undefined ? {} : { audit }),
      });
    });
  }

  /** What `look` sees of the run's state, answered when all of it is durable. Undefined: no such run. */
  async inspect<T>(runId: string, look: (state: RunState, holder: RunHolder) => T): Promise<T | undefined> {
    for (;;) {
      const holder = this.holders.get(runId);
      if (holder?.state === undefined || holder.isBusy) {
        if (this.options.committer().isMending && !(await this.options.committer().barrier())) continue;
        const loaded = await this.loader.load(runId);
        return loaded === undefined ? undefined : look(loaded.state, holder ?? new RunHolder(runId));
      }
      const seen = look(holder.state, holder);
      if (await this.options.committer().barrier()) return seen;
    }
  }

  /** These batches are not durable, or nobody knows: what memory says of their runs is forgotten, and nothing is decided on it. */
  undo(batches: readonly StagedBatch[]): void {
    for (const batch of batches) {
      for (const holder of batch.holders.keys()) {
        holder.state = undefined;
        this.unread.add(holder);
        if (holder.isBusy) continue;
        this.setBusy(holder, true);
        this.undone.add(holder);
      }
    }
  }

  /** The store is mended: the failed batches' commands are decided again, in order and before later ones, on states that are read again. */
  redo(batches: readonly StagedBatch[], error: StoreError): void {
    const dropped = new Map<RunHolder, Pending[]>();
    for (const batch of batches) for (const holder of batch.holders.keys()) dropped.set(holder, []);
    const others: Pending[] = [];
    for (const batch of batches) {
      for (const pending of batch.pending) {
        if (!isDecidedAgain(pending) || giveUp(pending, error)) continue;
        const holder = this.holders.get(pending.runId);
        ((holder === undefined ? undefined : dropped.get(holder)) ?? others).push(pending);
      }
    }
    for (const [holder, again] of dropped) holder.waiting.unshift(...again);
    const undone = [...this.undone];
    this.undone.clear();
    for (const holder of undone) {
      this.setBusy(holder, false);
      void this.load(holder);
    }
    for (const pending of others) this.submit(pending);
  }

  /** Ends a run that cannot go on: an invariant broke, or a limit was reached. */
  private fail(runId: string, code: string, message: string): void {
    const command: Command = { type: 'FailRun', failure: { code, message } };
    this.submit({
      runId,
      command,
      attachment: undefined,
      onAnswer: undefined,
      onError: undefined,
      isClient: false,
      failures: 0,
    });
  }

  private handle(holder: RunHolder, pending: Pending): void {
    try {
      if (pending.command.type === 'StartRun') this.start(holder, pending, pending.command);
      else if (holder.state === undefined) answerMissing(pending, this.options.onUnassigned);
      else this.decideOn(holder, holder.state, pending, pending.command);
    } catch (error) {
      this.broken(holder, pending, error);
    }
  }

  private start(holder: RunHolder, pending: Pending, command: StartRun): void {
    if (holder.state !== undefined) {
      // Its batch had landed although the commit failed: the repeat changes nothing.
      this.stageNothing(pending, { type: 'none' });
      return;
    }
    if (pending.premise?.holds() === false) {
      this.release(holder);
      return pending.premise.onFallen();
    }
    const { state, decision } = startRun(command, this.contextOf(holder, pending));
    holder.state = state;
    this.finish(holder, state, pending, decision);
  }

  private decideOn(holder: RunHolder, state: RunState, pending: Pending, command: Exclude<Command, StartRun>): void {
    if (command.type === 'AssignStep' && !this.options.mayAssign(state, pending)) return;
    if (command.type === 'AdmitRun' && !this.options.mayAdmit(state)) return;
    const known = command.type === 'TimerFired' ? this.options.timerFacts(state, holder, command) : command;
    this.finish(holder, state, pending, decide(state, known, this.contextOf(holder, pending)));
  }

  private contextOf(holder: RunHolder, pending: Pending): Parameters<typeof decide>[2] {
    const { attachment } = pending;
    const { blobs } = this.options;
    return {
      now: this.options.clock.now(),
      values: {
        get: (blobId) => (attachment?.blobId === blobId ? attachment.bytes : blobs.peek(holder.runId, blobId)),
      },
    };
  }

  private finish(holder: RunHolder, state: RunState, pending: Pending, decision: Decision): void {
    if (decision.needs !== undefined) {
      this.setBusy(holder, true);
      void this.provide(holder, state, pending, decision);
      return;
    }
    this.stage(holder, state, pending, decision);
  }

  private stage(holder: RunHolder, state: RunState, pending: Pending, decision: Decision): void {
    const batch = this.options.committer().current;
    batch.pending.push(pending);
    batch.addEvents(holder, state.position - decision.events.length, decision.events);
    this.options.stage(holder, state, decision, pending);
    const { onAnswer, audit, schedule } = pending;
    if (audit !== undefined && decision.events.length > 0) batch.audit.push(audit);
    if (schedule !== undefined && decision.events.length > 0) batch.schedules.push(schedule);
    if (onAnswer !== undefined) batch.effects.push(() => onAnswer(decision.answer));
    if (pending.command.type === 'BeginChild') this.beginChildren(decision);
    this.options.committer().kick();
    const excess = excessOf(state);
    if (excess !== undefined && !isRunOver(state.status) && pending.command.type !== 'FailRun')
      this.fail(holder.runId, 'LIMIT', excess);
  }

  /** In the same batch, which is not sealed before the turn is over or much was staged. */
  private beginChildren({ effects }: Decision): void {
    for (const effect of effects) if (effect.type === 'startChild') this.options.onChildBegun(effect.runId);
  }

  private stageNothing(pending: Pending, answer: Answer): void {
    const batch = this.options.committer().current;
    batch.pending.push(pending);
    batch.effects.push(() => pending.onAnswer?.(answer));
    this.options.committer().kick();
  }

  /** Loads what a decision needs, goes on with it, and stages the whole as one. */
  private async provide(holder: RunHolder, state: RunState, pending: Pending, first: Decision): Promise<void> {
    const events = [...first.events];
    const effects = [...first.effects];
    let decision = first;
    try {
      while (decision.needs !== undefined) {
        const { blobIds, resume } = decision.needs;
        // What the decision stores itself is nowhere else yet.
        const loaded = new Map<string, Uint8Array>();
        for (const effect of effects) if (effect.type === 'storeBlob') loaded.set(effect.blobId, effect.bytes);
        for (const blobId of blobIds) if (!loaded.has(blobId)) loaded.set(blobId, await this.loadValue(holder, blobId));
        if (holder.state !== state) return this.startOver(holder, pending);
        if (resume.type === 'StartRun') throw new Error('a start cannot be resumed');
        const context = this.contextOf(holder, pending);
        const get = (blobId: string): Uint8Array | undefined => loaded.get(blobId) ?? context.values.get(blobId);
        decision = decide(state, resume, { now: context.now, values: { get } });
        events.push(...decision.events);
        effects.push(...decision.effects);
      }
      if (pending.premise?.holds() === false) return this.forget(holder, pending.premise);
      const answer = decision.answer.type === 'none' ? first.answer : decision.answer;
      this.stage(holder, state, pending, { events, effects, answer, needs: undefined });
    } catch (error) {
      this.broken(holder, pending, error);
    }
    this.proceed(holder);
  }

  /** What was decided already stands on it: it is read until that succeeds. */
  private loadValue({ runId }: RunHolder, blobId: string): Promise<Uint8Array> {
    const { blobs, clock, logger } = this.options;
    const pause = (): Promise<void> => this.rest();
    return untilRead({ clock, logger, pause }, { run: runId, blobId }, () => blobs.load(runId, blobId));
  }

  /** Until the next read; meanwhile nothing is being done here. */
  private async rest(): Promise<void> {
    this.busyCount -= 1;
    await sleep(this.options.clock, READ_RETRY_MS);
    this.busyCount += 1;
  }

  /** What a start stands on was undone while it waited for values. */
  private forget(holder: RunHolder, { onFallen }: NonNullable<Pending['premise']>): void {
    holder.state = undefined;
    onFallen();
    this.proceed(holder);
    this.release(holder);
  }

  /** A batch failed while the decision waited for values: it was made on what is no longer true. */
  private startOver(holder: RunHolder, pending: Pending): void {
    holder.waiting.unshift(pending);
    this.proceed(holder);
  }

  /** The next waiting commands, in order. `isMissing`: the journal was read and there is no such run. */
  private proceed(holder: RunHolder, isMissing = false): void {
    this.setBusy(holder, false);
    while (!holder.isBusy && holder.waiting.length > 0) {
      const [next] = holder.waiting;
      if (holder.state === undefined && !isMissing && (next === undefined || isOfKnown(next))) {
        void this.load(holder);
        return;
      }
      const pending = holder.waiting.shift();
      if (pending !== undefined) this.handle(holder, pending);
    }
  }

  private setBusy(holder: RunHolder, isBusy: boolean): void {
    if (holder.isBusy !== isBusy) this.busyCount += isBusy ? 1 : -1;
    holder.isBusy = isBusy;
  }

  private async load(holder: RunHolder): Promise<void> {
    if (holder.isBusy) return;
    this.setBusy(holder, true);
    try {
      const loaded = await this.read(holder);
      const state = loaded?.state;
      holder.state = state;
      holder.rowsSinceSnapshot = loaded?.rows ?? 0;
      if (state === undefined) this.options.onMissing(holder.runId);
      else this.options.onReloaded(holder, state);
    } catch (error) {
      this.options.logger.error('a run could not be loaded', { run: holder.runId, error });
      for (const pending of holder.waiting.splice(0)) pending.onError?.(toYardmasterError(error, 'STORE_FAILED'));
    }
    if (this.unread.delete(holder) && this.unread.size === 0) this.options.committer().kick();
    // As it is durable: what is decided now may yet be undone, and the run must keep its mailbox for that.
    const isOver = holder.state !== undefined && isRunOver(holder.state.status);
    this.proceed(holder, holder.state === undefined);
    if (isOver || holder.state === undefined) this.release(holder);
  }

  /** Reads until that succeeds: what waits for the run must not be lost. Clients do not wait for a disk that is in trouble. */
  private async read(holder: RunHolder): Promise<LoadedRun | undefined> {
    for (;;) {
      while (!(await this.options.committer().barrier())) {
        // Undone: what follows decides what is there.
      }
      try {
        return await this.loader.load(holder.runId);
      } catch (error) {
        if (!isReadTrouble(error)) throw error;
        this.options.logger.warn('a run could not be read; it is tried again', { run: holder.runId, error });
        holder.waiting = holder.waiting.filter((pending) => !this.refuse(pending, error));
        await this.rest();
      }
    }
  }

  private refuse({ isClient, onError }: Pending, error: StoreError): boolean {
    if (!isClient) return false;
    onError?.(unreadable(error));
    return true;
  }

  /** An invariant broke: the run's memory is dropped and read again, the process goes on. */
  private broken(holder: RunHolder, pending: Pending, error: unknown): void {
    holder.state = undefined;
    const { type } = pending.command;
    this.options.logger.error('a decision failed; the run is ended', { run: holder.runId, command: type, error });
    pending.onError?.(toYardmasterError(error));
    if (type === 'FailRun' || type === 'StartRun') return;
    const { message } = toYardmasterError(error);
    this.fail(holder.runId, 'INTERNAL', `a decision about ${type} failed: ${message}`);
  }
}

function unreadable(error: StoreError): YardmasterError {
  return new YardmasterError('STORE_UNAVAILABLE', `Cannot read the run: ${error.message}`, {
    cause: error,
    next: 'try again in a second',
  });
}

/** It is decided on what is stored of its run. */
function isOfKnown({ command, mayExist }: Pending): boolean {
  return command.type !== 'StartRun' || mayExist === true;
}
