/** What agents report of their attempts: acceptance, progress, checkpoints, logs, results. */
import type { Clock } from '../../core/clock.ts';
import { type AttemptKey, parseAttemptId } from '../../core/ids.ts';
import { limits, times } from '../../core/limits.ts';
import type { Logger } from '../../core/logger.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { Command } from '../engine/commands.ts';
import type { Failure, Usage } from '../engine/events.ts';
import type { ResultVerdict } from '../engine/status.ts';
import { hasListened } from '../registry/acceptance.ts';
import type { AttemptUpdate, ReportedResult, ReportFrame } from '../registry/frames.ts';
import type { HeldAttempt, Instance } from '../registry/instance.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { Clearing } from './clearing.ts';
import type { Committer } from './committer.ts';
import type { LiveEvent } from './control-plane.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { GivenResults, SettledResult } from './given-results.ts';
import type { Outbox } from './outbox.ts';
import type { OutputIntake } from './output-intake.ts';
import type { Pending } from './run-holder.ts';
import type { Runs } from './runs.ts';
import { StrayResults } from './stray-results.ts';
import type { WatchHub } from './watch.ts';

export interface ReportsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly runs: Runs;
  readonly scheduler: Scheduler;
  readonly dispatcher: Dispatcher;
  readonly outbox: Outbox;
  readonly watch: WatchHub;
  readonly clearing: Clearing;
  readonly output: OutputIntake;
  readonly given: GivenResults;
  readonly committer: () => Committer;
  readonly registryTime: () => number;
}

/** Keeps work away from an instance that just refused or did not accept; grows with each time in a row. */
const EXCLUSION_MS = 1_000;
const EXCLUSION_MS_MAX = 60_000;

/** `heartbeatTimeout` is about the handler: acceptance and log lines are no sign that the work goes on. */
const SIGNS: ReadonlySet<AttemptUpdate['type']> = new Set(['progress', 'checkpoint', 'chunk']);

export class Reports {
  private readonly options: ReportsOptions;
  private readonly refusals = new Map<string, number>();
  private readonly strays = new StrayResults((instance, reported, onDone) =>
    this.clearResult(instance, reported, onDone),
  );

  constructor(options: ReportsOptions) {
    this.options = options;
  }

  take(instance: Instance, frame: ReportFrame): void {
    const { clearing } = this.options;
    for (const update of frame.updates) {
      // Nothing is read for the sake of what will not be taken; chunks are answered whoever sends them.
      const isOfUse = update.type === 'chunk' || instance.held.has(update.attemptId);
      if (isOfUse) clearing.update(update, (clear) => this.update(instance, clear));
    }
    for (const result of frame.results) {
      instance.sync.expectsAnswer(result.attemptId);
      if (instance.held.has(result.attemptId)) this.clearResult(instance, result);
      else this.strays.take(instance, result);
    }
  }

  private clearResult(instance: Instance, reported: ReportedResult, onDone = (): void => {}): void {
    const { clearing, output } = this.options;
    clearing.result(
      reported,
      (clear) => output.afterChunks(clear.attemptId, () => this.result(instance, clear, onDone)),
      () => this.unanswerable(instance, reported, onDone),
    );
  }

  /** The agent keeps it and sends it again when it returns. */
  private unanswerable(instance: Instance, { attemptId }: ReportedResult, onDone: () => void): void {
    instance.sync.answered(attemptId);
    onDone();
  }

  /** The acceptance deadline passed. */
  notAccepted(instance: Instance, attempt: HeldAttempt): void {
    this.exclude(instance, attempt.capability, 'did not accept an attempt in time');
    this.end(attempt, 'NOT_ACCEPTED', `${instance.agentId} did not accept within ${times.acceptMs} ms`, false);
  }

  lost(instance: Instance, attempts: readonly HeldAttempt[]): void {
    for (const attempt of attempts)
      this.end(attempt, 'LOST', `${instance.agentId}/${instance.instanceId} was lost`, false);
  }

  /** The instance left before the lease was decided: nobody has the attempt. */
  gone(runId: string, path: string, number: number): void {
    const message = 'its instance had left before it was sent';
    this.submit(runId, { type: 'EndAttempt', path, number, outcome: 'HANDED_BACK', message });
  }

  /** Its input could not be made, so nobody gets it. */
  unsendable({ runId, path, number }: HeldAttempt, failure: Pick<Failure, 'code' | 'message'>): void {
    const { message } = failure;
    // The instance would have refused it.
    const outcome = failure.code === 'INVALID_INPUT' ? 'REJECTED' : 'HANDED_BACK';
    this.submit(runId, { type: 'EndAttempt', path, number, outcome, message, failure });
  }

  reroute(attempts: readonly HeldAttempt[]): void {
    for (const attempt of attempts) {
      if (attempt.idempotent === false) continue;
      this.submit(attempt.runId, { type: 'RerouteAttempt', path: attempt.path, number: attempt.number });
    }
  }

  private update(instance: Instance, update: AttemptUpdate): void {
    if (update.type === 'chunk') this.options.output.take(instance, update);
    const attempt = instance.held.get(update.attemptId);
    if (attempt === undefined) return;
    attempt.acceptUntil = 0;
    hasListened(instance);
    if (SIGNS.has(update.type)) attempt.heardAt = this.options.clock.now();
    switch (update.type) {
      case 'chunk':
        return;
      case 'usage':
        return this.use(attempt, update.counters);
      case 'accepted':
        this.refusals.delete(refusalKey(instance, attempt.capability));
        return;
      case 'rejected':
        return this.rejected(instance, attempt, update);
      case 'progress':
        return this.progress(attempt, update.fraction, update.message);
      case 'checkpoint':
        return this.checkpoint(attempt, update.value);
      case 'log': {
        const { level, message, fields } = update;
        return this.live(attempt, { type: 'log', level, message, fields });
      }
    }
  }

  private rejected(
    instance: Instance,
    attempt: HeldAttempt,
    update: Extract<AttemptUpdate, { type: 'rejected' }>,
  ): void {
    this.options.dispatcher.release(instance.instanceId, attempt.attemptId);
    const isInvalid = update.reason === 'INVALID_INPUT';
    if (!isInvalid) this.exclude(instance, attempt.capability, `refused an attempt: ${update.reason}`);
    this.end(
      attempt,
      'REJECTED',
      update.message === '' ? update.reason : `${update.reason}: ${update.message}`,
      isInvalid,
    );
  }

  /** A result implies acceptance, also while it waits for the disk. */
  private listened(instance: Instance, { attemptId }: ReportedResult): void {
    const attempt = instance.held.get(attemptId);
    if (attempt === undefined) return;
    attempt.acceptUntil = 0;
    hasListened(instance);
  }

  /** Whoever hands work back gets no more of it for a moment: else a lone agent would get it again at once, for ever. */
  private keepAway(instance: Instance, { attemptId, result }: ReportedResult): void {
    if (result.kind !== 'handedBack') return;
    const capability = instance.held.get(attemptId)?.capability;
    if (capability !== undefined) this.exclude(instance, capability, 'handed an attempt back');
  }

  private exclude(instance: Instance, capability: string, why: string): void {
    const key = refusalKey(instance, capability);
    const count = (this.refusals.get(key) ?? 0) + 1;
    if (this.refusals.size > limits.heldMax) this.refusals.clear();
    this.refusals.set(key, count);
    const until = this.options.clock.monotonic() + Math.min(EXCLUSION_MS_MAX, EXCLUSION_MS * 2 ** (count - 1));
    this.options.scheduler.apply({ type: 'excluded', instanceId: instance.instanceId, capability, until, why });
  }

  private progress(attempt: HeldAttempt, fraction: number, message: string): void {
    const holder = this.options.runs.peek(attempt.runId);
    if (holder === undefined) return;
    const clamped = Number.isFinite(fraction) ? Math.min(1, Math.max(0, fraction)) : 0;
    holder.progress ??= new Map();
    holder.progress.set(attempt.path, { fraction: clamped, message });
    this.live(attempt, { type: 'progress', fraction: clamped, message });
  }

  /** Sums: what is said again counts once. */
  private use({ runId, path, number, isFenced }: HeldAttempt, counters: Usage): void {
    const holder = this.options.runs.peek(runId);
    if (holder === undefined || isFenced) return;
    holder.usage ??= new Map();
    const name = `${path}#${number}`;
    const sums = Object.entries({ ...holder.usage.get(name), ...counters });
    holder.usage.set(name, Object.fromEntries(sums.slice(0, limits.usageCountersMax)));
  }

  private usageOf({ runId, path, number }: AttemptKey): { readonly usage?: Usage } {
    const usage = this.options.runs.peek(runId)?.usage?.get(`${path}#${number}`);
    return usage === undefined || Object.keys(usage).length === 0 ? {} : { usage };
  }

  private live(attempt: HeldAttempt, live: LiveEvent): void {
    const { runId, path, number } = attempt;
    this.options.watch.publishLive(runId, { kind: 'live', at: this.options.clock.now(), path, number, live });
  }

  /** The first one of an attempt is written at once, later ones at most one a second; the newest wins. */
  private checkpoint(attempt: HeldAttempt, value: Uint8Array): void {
    const holder = this.options.runs.peek(attempt.runId);
    if (holder === undefined || attempt.isFenced) return;
    holder.checkpoints ??= new Map();
    const isWaiting = attempt.checkpointAt === Number.POSITIVE_INFINITY;
    holder.checkpoints.set(attempt.path, value);
    if (isWaiting) return;
    const waitMs = attempt.checkpointAt + times.checkpointIntervalMs - this.options.registryTime();
    if (waitMs <= 0) return this.writeCheckpoint(attempt, value);
    attempt.checkpointAt = Number.POSITIVE_INFINITY;
    this.options.clock.timer(waitMs, () => {
      const latest = this.options.runs.peek(attempt.runId)?.checkpoints?.get(attempt.path);
      attempt.checkpointAt = Number.NEGATIVE_INFINITY;
      if (latest !== undefined && !attempt.isFenced) this.writeCheckpoint(attempt, latest);
    });
  }

  private writeCheckpoint(attempt: HeldAttempt, value: Uint8Array): void {
    attempt.checkpointAt = this.options.registryTime();
    const batch = this.options.committer().current;
    const { runId, path, number } = attempt;
    batch.checkpoints.set(attempt.attemptId, { runId, path, attempt: number, checkpoint: value });
    batch.effects.push(() => this.live(attempt, { type: 'checkpointStored', bytes: value.length }));
    this.options.committer().kick();
  }

  /** Calls `onDone` once it is answered, or cannot be. */
  private result(instance: Instance, reported: ReportedResult, onDone = (): void => {}): void {
    const key = parseAttemptId(reported.attemptId);
    if (key === undefined) {
      this.ack(instance, reported.attemptId, 'UNKNOWN');
      return onDone();
    }
    this.listened(instance, reported);
    this.keepAway(instance, reported);
    this.options.given.take(
      { instance, key, reported },
      (settled) => this.settle(instance, { key, attemptId: reported.attemptId, settled, onDone }),
      () => this.unanswerable(instance, reported, onDone),
    );
  }

  private settle(instance: Instance, { key, attemptId, settled, onDone }: Settling): void {
    const { path, number } = key;
    const { instanceId } = instance;
    this.options.runs.submit({
      runId: key.runId,
      command: { type: 'SettleAttempt', path, number, instanceId, result: settled.result, ...this.usageOf(key) },
      attachment: settled.attachment,
      onAnswer: (answer) => {
        this.ack(instance, attemptId, answer.type === 'result' ? answer.verdict : 'UNKNOWN');
        onDone();
      },
      onError: (error) => {
        instance.sync.answered(attemptId);
        this.options.logger.error('a result could not be taken', { attempt: attemptId, error });
        onDone();
      },
      isClient: false,
      failures: 0,
    });
  }

  private ack(instance: Instance, attemptId: string, verdict: ResultVerdict): void {
    instance.sync.answered(attemptId);
    this.options.dispatcher.release(instance.instanceId, attemptId);
    this.options.outbox.ackResult(instance, attemptId, verdict);
    this.options.outbox.flushSoon();
  }

  private end(
    attempt: HeldAttempt,
    outcome: 'REJECTED' | 'NOT_ACCEPTED' | 'LOST',
    message: string,
    invalidInput: boolean,
  ): void {
    const { path, number } = attempt;
    this.submit(attempt.runId, {
      type: 'EndAttempt',
      path,
      number,
      outcome,
      message,
      ...(invalidInput ? { invalidInput } : {}),
      ...this.usageOf(attempt),
    });
  }

  private submit(runId: string, command: Command): void {
    const pending: Pending = {
      runId,
      command,
      attachment: undefined,
      onAnswer: undefined,
      onError: (error) => this.options.logger.error('a command failed', { run: runId, command: command.type, error }),
      isClient: false,
      failures: 0,
    };
    this.options.runs.submit(pending);
  }
}

function refusalKey(instance: Instance, capability: string): string {
  return `${instance.instanceId} ${capability}`;
}

interface Settling {
  readonly key: AttemptKey;
  readonly attemptId: string;
  readonly settled: SettledResult;
  readonly onDone: () => void;
}
