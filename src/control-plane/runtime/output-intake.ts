/**
 * What attempts write while they work: taken in order, stored with the batch of the commit, then acknowledged and told to readers.
 *
 * Invariants: 1. what is stored of an attempt has no gap and is in order; 2. nothing is acknowledged or told before it is durable;
 * 3. chunks of an attempt that is over or fenced are dropped; 4. every chunk is answered as long as its stream is open, so a result
 * may wait for it; 5. what is not durable yet is bounded, and what is refused for that is asked for again.
 */
import type { Clock } from '../../core/clock.ts';
import { type AttemptKey, parseAttemptId } from '../../core/ids.ts';
import { limits, times } from '../../core/limits.ts';
import type { Logger } from '../../core/logger.ts';
import type { ChunkAck, ReportedChunk } from '../registry/frames.ts';
import type { HeldAttempt, Instance } from '../registry/instance.ts';
import type { OutputHead, Store } from '../store/port.ts';
import { ChunkClearing } from './chunk-clearing.ts';
import type { Clearing } from './clearing.ts';
import type { Committer } from './committer.ts';
import type { Outbox } from './outbox.ts';
import { createStream, type OutputStream, type RunOutput, takeRows, weigh } from './output-streams.ts';
import { untilRead } from './read-trouble.ts';
import type { Runs } from './runs.ts';

export interface OutputIntakeOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: Pick<Store, 'getOutput' | 'sumOutputs'>;
  readonly runs: Runs;
  readonly outbox: Outbox;
  readonly clearing: () => Clearing;
  readonly committer: () => Committer;
  /** Chunks of the step are durable. */
  readonly onStored: (runId: string, path: string) => void;
}

export class OutputIntake {
  private readonly options: OutputIntakeOptions;
  /** By attempt id. */
  private streams = new Map<string, OutputStream>();
  private runs = new Map<string, RunOutput>();
  /** Attempts whose chunks are dropped once that is durable, by instance. */
  private readonly dropping = new Set<string>();
  private readonly refused = new Set<OutputStream>();
  private pendingBytes = 0;
  private opening = 0;

  constructor(options: OutputIntakeOptions) {
    this.options = options;
  }

  /** True while a store is asked, or a chunk is held back. */
  get isBusy(): boolean {
    return this.opening > 0;
  }

  take(instance: Instance, chunk: ReportedChunk): void {
    const held = instance.held.get(chunk.attemptId);
    if (held === undefined || held.isFenced) return this.drop(instance, chunk.attemptId);
    const stream = this.streamOf(instance, held);
    if (stream.isOpen) this.accept(stream, chunk);
    else if (this.hasRoom(stream, chunk)) {
      stream.waiting.push(chunk);
      this.book(stream, chunk);
    } else stream.isResendDue = true;
  }

  /** The instance is back with an attempt that it wrote chunks of: it hears which of them are stored. */
  returned(instance: Instance, held: HeldAttempt): void {
    const stream = this.streamOf(instance, held);
    this.whenOpen(stream, () => this.answer(stream));
  }

  /** An instance that forgot the attempt gets it again: the number that its output goes on with; undefined: 1. */
  async nextChunk(instance: Instance, held: HeldAttempt): Promise<number | undefined> {
    for (;;) {
      const stream = this.streamOf(instance, held);
      await new Promise<void>((resolve) => this.whenOpen(stream, resolve));
      if (stream.stored === stream.taken) return stream.stored === 0 ? undefined : stream.stored + 1;
      this.letGo(stream);
      await this.options.committer().barrier();
    }
  }

  /** `fn` decides of the end of the attempt: not before everything that it wrote by then is staged. */
  afterChunks(attemptId: string, fn: () => void): void {
    const stream = this.streams.get(attemptId);
    if (stream === undefined) return fn();
    this.whenOpen(stream, () => {
      this.letGo(stream);
      fn();
    });
  }

  /** The run is over. */
  forget(runId: string): void {
    if (!this.runs.delete(runId)) return;
    for (const stream of [...this.streams.values()]) if (stream.key.runId === runId) this.abandon(stream);
  }

  /** Its agent holds the result back until it knows what became of every chunk. */
  private abandon(stream: OutputStream): void {
    const isOwed = !stream.isOpen || stream.pending.length > 0 || stream.isResendDue;
    this.remove(stream);
    for (const fn of stream.onOpen.splice(0)) fn();
    if (isOwed) this.drop(stream.instance, stream.attemptId);
  }

  /** A commit failed: what is stored is read again, and what is not is asked for. */
  undo(): void {
    const before = this.streams;
    this.streams = new Map();
    this.runs = new Map();
    this.refused.clear();
    this.pendingBytes = 0;
    for (const { attemptId, instance, stored, taken, isOpen, isResendDue, onOpen, cancelRelease } of before.values()) {
      cancelRelease?.();
      const held = instance.held.get(attemptId);
      const isWhole = isOpen && stored === taken && !isResendDue;
      if (held === undefined) for (const fn of onOpen) fn();
      if (isWhole || held === undefined) continue;
      const stream = this.streamOf(instance, held);
      stream.isResendDue = true;
      stream.onOpen.push(...onOpen);
    }
  }

  private streamOf(instance: Instance, { attemptId, runId, path, number }: HeldAttempt): OutputStream {
    let stream = this.streams.get(attemptId);
    if (stream === undefined) {
      const run = this.runs.get(runId) ?? { bytes: 0, isKnown: false };
      this.runs.set(runId, run);
      stream = createStream({ runId, path, number }, attemptId, instance, run);
      this.streams.set(attemptId, stream);
      void this.open(stream);
    }
    stream.instance = instance;
    return stream;
  }

  private async open(stream: OutputStream): Promise<void> {
    this.opening += 1;
    try {
      const { clearing } = this.options;
      await untilRead(this.options, { attempt: stream.attemptId }, async () => {
        const { head, bytes } = await this.read(stream);
        const cleaner = await clearing().cleanerOf(stream.key);
        if (this.streams.get(stream.attemptId) !== stream) return;
        if (!stream.run.isKnown) Object.assign(stream.run, { bytes, isKnown: true });
        stream.taken = stream.staged = stream.stored = head?.number ?? 0;
        stream.bytes = head?.bytes ?? 0;
        stream.isCut = head?.isCut ?? false;
        stream.clearing = cleaner === undefined ? undefined : new ChunkClearing(cleaner.redactor);
        stream.unclear = cleaner?.missing?.message;
        this.opened(stream);
      });
    } catch (error) {
      this.options.logger.error('an output could not be read', { attempt: stream.attemptId, error });
      this.remove(stream);
      for (const fn of stream.onOpen.splice(0)) fn();
    } finally {
      this.opening -= 1;
    }
  }

  private async read({
    key,
    run,
  }: OutputStream): Promise<{ readonly head: OutputHead | undefined; readonly bytes: number }> {
    const { store, committer } = this.options;
    // While the store is mended nobody knows what it has.
    while (committer().isMending) await committer().barrier();
    const { runId, path, number } = key;
    const head = await store.getOutput({ runId, path, attempt: number });
    return { head, bytes: run.isKnown ? run.bytes : await store.sumOutputs(runId) };
  }

  private opened(stream: OutputStream): void {
    stream.isOpen = true;
    const { waiting } = stream;
    stream.waiting = [];
    this.settle(stream, Number.POSITIVE_INFINITY);
    for (const chunk of waiting) this.accept(stream, chunk);
    for (const fn of stream.onOpen.splice(0)) fn();
    if (stream.isResendDue && stream.pendingBytes === 0) this.answer(stream);
  }

  private whenOpen(stream: OutputStream, fn: () => void): void {
    if (stream.isOpen) fn();
    else stream.onOpen.push(fn);
  }

  private accept(stream: OutputStream, chunk: ReportedChunk): void {
    // A repeat: what is on its way is answered when it is durable.
    if (chunk.number <= stream.taken || stream.isCut) {
      if (chunk.number <= stream.stored || (stream.isCut && stream.stored === stream.staged)) this.answer(stream);
      return;
    }
    if (chunk.number > stream.taken + 1) return this.refuseGap(stream);
    if (!this.hasRoom(stream, chunk)) {
      stream.isResendDue = true;
      this.refused.add(stream);
      return;
    }
    stream.isResendTold = false;
    stream.taken = chunk.number;
    this.book(stream, chunk);
    this.clear(stream, chunk);
  }

  /** Told once: what was on its way when the gap was made leaves one, too. */
  private refuseGap(stream: OutputStream): void {
    if (stream.isResendDue || stream.isResendTold) return;
    stream.isResendDue = true;
    this.answer(stream);
  }

  private clear(stream: OutputStream, chunk: ReportedChunk): void {
    const { clearing, unclear } = stream;
    if (unclear !== undefined)
      return this.stage(stream, [{ ...chunk, kind: 'text', bytes: Buffer.from(`[${unclear}]`) }]);
    if (clearing === undefined) return this.stage(stream, [chunk]);
    stream.cancelRelease?.();
    stream.cancelRelease = undefined;
    this.stage(stream, clearing.add(chunk));
    if (clearing.isHolding)
      stream.cancelRelease = this.options.clock.timer(times.chunkHoldBackMs, () => this.letGo(stream));
  }

  private letGo(stream: OutputStream): void {
    stream.cancelRelease?.();
    stream.cancelRelease = undefined;
    if (stream.clearing?.isHolding !== true || this.streams.get(stream.attemptId) !== stream) return;
    this.stage(stream, stream.clearing.release());
  }

  private stage(stream: OutputStream, chunks: readonly ReportedChunk[]): void {
    if (chunks.length === 0) return;
    const held = stream.instance.held.get(stream.attemptId);
    if (held === undefined || held.isFenced) {
      this.remove(stream);
      return this.drop(stream.instance, stream.attemptId);
    }
    const rows = takeRows(stream, chunks);
    // After the end of what is kept nothing is on its way.
    if (stream.isCut) stream.taken = stream.staged;
    const committer = this.options.committer();
    const { runId, path, number: attempt } = stream.key;
    const { staged, bytes, isCut } = stream;
    committer.current.addChunks(stream.attemptId, { runId, path, attempt, number: staged, bytes, isCut, chunks: rows });
    committer.current.effects.push(() => this.stored(stream, staged));
    committer.kick();
  }

  private stored(stream: OutputStream, number: number): void {
    this.settle(stream, stream.isCut ? Number.POSITIVE_INFINITY : number);
    stream.stored = number;
    this.answer(stream);
    this.options.onStored(stream.key.runId, stream.key.path);
    for (const other of this.refused) if (this.mayComeAgain(other)) this.answer(other);
  }

  private mayComeAgain({ pendingBytes }: OutputStream): boolean {
    return pendingBytes === 0 && this.pendingBytes <= limits.outputWaitingBytesMax / 2;
  }

  private answer(stream: OutputStream): void {
    const { attemptId, stored, staged, isCut, isResendDue } = stream;
    const isAsked = isResendDue && !isCut && (!this.refused.has(stream) || this.mayComeAgain(stream));
    if (isAsked) {
      stream.isResendDue = false;
      stream.isResendTold = true;
      this.refused.delete(stream);
    }
    const verdict = isCut && stored === staged ? 'LIMIT' : isAsked ? 'RESEND' : 'STORED';
    this.tell(stream.instance, { attemptId, stored, verdict });
  }

  /** Not before the end of the attempt is durable: an agent that returns after a crash of ours must still have them. */
  private drop(instance: Instance, attemptId: string): void {
    const name = `${instance.instanceId} ${attemptId}`;
    const key = parseAttemptId(attemptId);
    if (this.dropping.has(name)) return;
    this.dropping.add(name);
    this.whenDurable(key, () => {
      this.dropping.delete(name);
      const held = instance.held.get(attemptId);
      if (held === undefined || held.isFenced) return this.tell(instance, { attemptId, stored: 0, verdict: 'DROPPED' });
      // Its end was undone: it goes on.
      const stream = this.streamOf(instance, held);
      stream.isResendDue = true;
      this.whenOpen(stream, () => this.answer(stream));
    });
  }

  private whenDurable(key: AttemptKey | undefined, then: () => void): void {
    const { runs, logger } = this.options;
    if (key === undefined || runs.peek(key.runId) === undefined) return then();
    const { runId } = key;
    runs.submit({
      runId,
      command: { type: 'Continue', paths: [] },
      attachment: undefined,
      onAnswer: then,
      onError: (error) => {
        logger.error('a run could not be looked at', { run: runId, error });
        then();
      },
      isClient: false,
      failures: 0,
    });
  }

  private tell(instance: Instance, ack: ChunkAck): void {
    this.options.outbox.ackChunks(instance, ack);
    this.options.outbox.flushSoon();
  }

  private hasRoom(stream: OutputStream, chunk: ReportedChunk): boolean {
    const weight = weigh(chunk);
    const isOwn = stream.pendingBytes + weight <= limits.attemptOutputWaitingBytesMax;
    return isOwn && this.pendingBytes + weight <= limits.outputWaitingBytesMax;
  }

  private book(stream: OutputStream, chunk: ReportedChunk): void {
    const weight = weigh(chunk);
    stream.pending.push({ number: chunk.number, weight });
    stream.pendingBytes += weight;
    this.pendingBytes += weight;
  }

  /** Up to this one nothing is pending any more. */
  private settle(stream: OutputStream, number: number): void {
    const rest = stream.pending.filter((chunk) => chunk.number > number);
    const restBytes = rest.reduce((sum, { weight }) => sum + weight, 0);
    // Of one that was removed nothing is counted any more.
    if (this.streams.get(stream.attemptId) === stream) this.pendingBytes -= stream.pendingBytes - restBytes;
    stream.pending = rest;
    stream.pendingBytes = restBytes;
  }

  private remove(stream: OutputStream): void {
    stream.cancelRelease?.();
    this.settle(stream, Number.POSITIVE_INFINITY);
    this.refused.delete(stream);
    if (this.streams.get(stream.attemptId) === stream) this.streams.delete(stream.attemptId);
  }
}
