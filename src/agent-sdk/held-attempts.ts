/**
 * The attempts that an instance has, from their assignment until their result is acknowledged, and what of them the control
 * plane has yet to hear. Pure.
 *
 * Invariants: 1. an attempt starts at most once; 2. its first end counts, later ones are ignored; 3. its result is kept,
 * and sent on every new stream, until it is acknowledged; 4. of progress and checkpoint only the latest waits.
 */
import { digestOf, EMPTY_DIGEST, type HeldDigest } from '../core/held-digest.ts';
import { limits, times } from '../core/limits.ts';
import type { AttemptResult } from '../gen/opaque/session_pb.ts';
import type { ChunkAck } from '../gen/yardmaster/v1/dispatch_pb.ts';
import { ChunkOutbox } from './chunk-outbox.ts';
import { makeAccepted, makeCheckpoint, makeProgress, makeRejected, makeResult, makeUsage } from './frames.ts';
import { createAllowance, type LogAllowance, LogQueue } from './log-queue.ts';
import type { AttemptEnd, News, Order, RejectCause, StopCause } from './news.ts';
import { ReportBuilder } from './report-builder.ts';
import { SettledIds } from './settled-ids.ts';

/** Results that wait for their ack; beyond it new work is refused. */
const OUTBOX_BYTES_MAX = 64 * 1024 * 1024;
/** Results on the stream that are not answered; the rest wait, so that a full outbox fits a new stream's queue. */
const IN_FLIGHT_BYTES_MAX = 4 * 1024 * 1024;
/** Checkpoints of so many bytes every 100 ms, for the same reason. */
const CHECKPOINT_BYTES_MAX = 1024 * 1024;
const CHECKPOINT_PAUSE_MS = 100;
/** A person sees no more than ten changes a second. */
const PROGRESS_INTERVAL_MS = 100;
const USAGE_INTERVAL_MS = 1_000;
const NEVER = Number.POSITIVE_INFINITY;
/** Ids and tags around the payload of an update or a result. */
const ENVELOPE_BYTES = 128;

export interface HeldAttempt {
  readonly id: string;
  readonly idempotent: boolean;
  /** 0: the window of the session. */
  readonly lossWindowMs: number;
  /** By the session's clock; Infinity when it has no limit. */
  readonly timeoutAt: number;
  readonly logs: LogAllowance;
  stopCause: StopCause | undefined;
  accepted: boolean;
  acceptDue: boolean;
  progress: { readonly fraction: number; readonly message: string } | undefined;
  progressAt: number;
  /** Sums; sent like the progress, and once more with the result. */
  usage: Readonly<Record<string, number>> | undefined;
  usageDue: boolean;
  usageAt: number;
  checkpoint: Uint8Array | undefined;
  checkpointDue: boolean;
  checkpointAt: number;
  result: AttemptResult | undefined;
  resultBytes: number;
  resultDue: boolean;
  /** Sent on this stream, and not answered. */
  inFlight: boolean;
}

export interface NewAttempt {
  readonly id: string;
  readonly idempotent: boolean;
  readonly lossWindowMs: number;
  readonly timeoutMs: number;
}

export class HeldAttempts {
  readonly #attempts = new Map<string, HeldAttempt>();
  readonly #due = new Set<HeldAttempt>();
  readonly #settled = new SettledIds();
  readonly #logs = new LogQueue();
  readonly #chunks = new ChunkOutbox();
  #rejections: { id: string; cause: RejectCause; message: string }[] = [];
  #outboxBytes = 0;
  #inFlightBytes = 0;
  readonly #budget = { resultBytes: 0, checkpointBytes: 0, checkpointsFrom: Number.NEGATIVE_INFINITY };
  #running = 0;
  #nextDueAt = NEVER;

  /** All, finished ones included. */
  get size(): number {
    return this.#attempts.size;
  }

  /** Those that hold a slot. */
  get running(): number {
    return this.#running;
  }

  get isFull(): boolean {
    return this.#attempts.size >= limits.heldMax || this.#outboxBytes + this.#chunks.bytes >= OUTBOX_BYTES_MAX;
  }

  /** When `takeReports` has something to send; Infinity when nothing waits. */
  get nextDueAt(): number {
    return this.#nextDueAt;
  }

  get(id: string): HeldAttempt | undefined {
    return this.#attempts.get(id);
  }

  *unfinished(): Iterable<HeldAttempt> {
    for (const attempt of this.#attempts.values()) if (attempt.result === undefined) yield attempt;
  }

  /** For Hello. */
  list(): { attemptId: string; finished: boolean; lastChunk: number }[] {
    return [...this.#attempts.values()].map(({ id, result }) => ({
      attemptId: id,
      finished: result !== undefined,
      lastChunk: this.#chunks.lastOf(id),
    }));
  }

  /** Of what `list` lists. */
  digest(): HeldDigest {
    return this.#attempts.size === 0 ? EMPTY_DIGEST : digestOf(this.#attempts.keys());
  }

  /** True when this id was assigned before: nothing must start, and what the control plane may have missed is due again. */
  isRepeat(id: string, now: number): boolean {
    const attempt = this.#attempts.get(id);
    if (attempt === undefined) return this.#settled.has(id);
    this.#repeat(attempt, now);
    return true;
  }

  add({ id, idempotent, lossWindowMs, timeoutMs }: NewAttempt, now: number): HeldAttempt {
    const attempt: HeldAttempt = {
      id,
      idempotent,
      lossWindowMs,
      timeoutAt: timeoutMs > 0 ? now + timeoutMs : Number.POSITIVE_INFINITY,
      logs: createAllowance(now),
      stopCause: undefined,
      accepted: false,
      acceptDue: false,
      progress: undefined,
      progressAt: Number.NEGATIVE_INFINITY,
      usage: undefined,
      usageDue: false,
      usageAt: Number.NEGATIVE_INFINITY,
      checkpoint: undefined,
      checkpointDue: false,
      checkpointAt: Number.NEGATIVE_INFINITY,
      result: undefined,
      resultBytes: 0,
      resultDue: false,
      inFlight: false,
    };
    this.#attempts.set(id, attempt);
    this.#running++;
    return attempt;
  }

  reject(id: string, cause: RejectCause, message: string, now: number): void {
    this.#rejections.push({ id, cause, message });
    this.#nextDueAt = now;
  }

  /** Takes news of the handlers; what concerns an attempt that is finished or gone is ignored. */
  tell(news: News, now: number): void {
    const attempt = this.#attempts.get(news.attemptId);
    if (attempt === undefined || attempt.result !== undefined) return;
    this.#apply(attempt, news, now);
    this.#mark(attempt, now);
  }

  finish(attempt: HeldAttempt, end: AttemptEnd, now: number): void {
    if (attempt.result !== undefined) return;
    attempt.result = makeResult(attempt.id, end);
    attempt.resultBytes = ENVELOPE_BYTES + bytesOf(end);
    attempt.resultDue = true;
    attempt.acceptDue = false;
    attempt.progress = undefined;
    // What the next attempt needs must be there before this one ends; after a success there is no next one.
    if (end.type === 'completed') attempt.checkpointDue = false;
    this.#outboxBytes += attempt.resultBytes;
    this.#running--;
    this.#mark(attempt, now);
  }

  /** The control plane has answered the result: it may be forgotten. */
  settle(id: string): void {
    const attempt = this.#attempts.get(id);
    if (attempt?.result === undefined) return;
    this.#attempts.delete(id);
    this.#due.delete(attempt);
    this.#chunks.forget(id);
    this.#outboxBytes -= attempt.resultBytes;
    if (attempt.inFlight) this.#inFlightBytes -= attempt.resultBytes;
    this.#settled.add(id);
  }

  /** What became of chunks; answers what the handler is told of it. */
  takeChunkAck(ack: ChunkAck): Extract<Order, { type: 'written' }> | undefined {
    return this.#chunks.take(ack);
  }

  /** On a new stream: everything that the old one may have lost is due again. All of it is absolute, so a repeat does no harm. */
  resendAll(now: number): void {
    this.#rejections = [];
    this.#inFlightBytes = 0;
    this.#chunks.recallAll();
    for (const attempt of this.#attempts.values()) {
      attempt.inFlight = false;
      this.#repeat(attempt, now);
    }
  }

  /** What is due, as Report frames of about `bytesSoft` at most; asks for another call at `nextDueAt`. */
  takeReports(now: number, bytesSoft: number): ReportBuilder {
    const reports = new ReportBuilder(bytesSoft);
    this.#nextDueAt = NEVER;
    for (const { id, cause, message } of this.#rejections) {
      reports.update(makeRejected(id, cause, message), ENVELOPE_BYTES + message.length);
    }
    this.#rejections = [];
    for (const attempt of this.#due) if (attempt.resultDue) this.#logs.addGap(attempt.id, attempt.logs);
    for (const { update, chars } of this.#logs.take()) reports.update(update, ENVELOPE_BYTES + chars);
    this.#chunks.send((update, bytes) => reports.update(update, ENVELOPE_BYTES + bytes));
    if (now >= this.#budget.checkpointsFrom + CHECKPOINT_PAUSE_MS) {
      this.#budget.checkpointsFrom = now;
      this.#budget.checkpointBytes = CHECKPOINT_BYTES_MAX;
    }
    this.#budget.resultBytes = IN_FLIGHT_BYTES_MAX - this.#inFlightBytes;
    for (const attempt of this.#due) {
      const wasDue = attempt.resultDue;
      const isWritten = !this.#chunks.has(attempt.id);
      const againAt = reportAttempt(attempt, reports, { now, budget: this.#budget, isWritten });
      if (wasDue && !attempt.resultDue) this.#fly(attempt);
      if (againAt === undefined) this.#due.delete(attempt);
      else this.#nextDueAt = Math.min(this.#nextDueAt, againAt);
    }
    return reports;
  }

  #apply(attempt: HeldAttempt, news: News, now: number): void {
    switch (news.type) {
      case 'accepted':
        attempt.accepted = true;
        attempt.acceptDue = true;
        return;
      case 'progress':
        attempt.progress = { fraction: news.fraction, message: news.message };
        return;
      case 'checkpoint':
        attempt.checkpoint = news.value;
        attempt.checkpointDue = true;
        return;
      case 'log':
        return this.#logs.add(news, attempt.logs, now);
      case 'chunk':
        return this.#chunks.add(news);
      case 'usage':
        attempt.usage = news.counters;
        attempt.usageDue = true;
        return;
      case 'ended':
        return this.finish(attempt, news.end, now);
    }
  }

  #fly(attempt: HeldAttempt): void {
    if (!attempt.inFlight) this.#inFlightBytes += attempt.resultBytes;
    attempt.inFlight = true;
  }

  #repeat(attempt: HeldAttempt, now: number): void {
    attempt.acceptDue = attempt.accepted && attempt.result === undefined;
    attempt.resultDue = attempt.result !== undefined;
    attempt.checkpointDue = attempt.checkpoint !== undefined && attempt.result?.result.case !== 'completed';
    attempt.usageDue = attempt.usage !== undefined;
    if (attempt.acceptDue || attempt.resultDue || attempt.checkpointDue || attempt.usageDue) this.#mark(attempt, now);
  }

  #mark(attempt: HeldAttempt, now: number): void {
    this.#due.add(attempt);
    this.#nextDueAt = Math.min(this.#nextDueAt, now);
  }
}

/** What a turn may still send. */
interface Turn {
  readonly now: number;
  readonly budget: { resultBytes: number; checkpointBytes: number; readonly checkpointsFrom: number };
  /** All that it wrote is stored: before that its result does not leave, since what is over writes nothing. */
  readonly isWritten: boolean;
}

/** Adds what is due of one attempt; answers when the rest is, or undefined. Infinity: when a result is acknowledged. */
function reportAttempt(attempt: HeldAttempt, reports: ReportBuilder, turn: Turn): number | undefined {
  if (attempt.acceptDue) {
    attempt.acceptDue = false;
    reports.update(makeAccepted(attempt.id), ENVELOPE_BYTES);
  }
  const fits = attempt.resultDue && turn.isWritten && takeResultBytes(attempt, turn);
  const againAt = Math.min(
    attempt.progress === undefined ? NEVER : reportProgress(attempt, attempt.progress, reports, turn),
    attempt.checkpointDue ? reportCheckpoint(attempt, reports, turn) : NEVER,
    attempt.usage !== undefined && attempt.usageDue ? reportUsage(attempt, attempt.usage, reports, turn) : NEVER,
  );
  if (fits && attempt.result !== undefined) {
    attempt.resultDue = false;
    reports.result(attempt.result, attempt.resultBytes);
  }
  return againAt === NEVER && !attempt.resultDue ? undefined : againAt;
}

/** A single result always fits, however large it is. */
function takeResultBytes(attempt: HeldAttempt, { budget }: Turn): boolean {
  const fits = attempt.resultBytes <= budget.resultBytes || budget.resultBytes === IN_FLIGHT_BYTES_MAX;
  if (fits) budget.resultBytes -= attempt.resultBytes;
  return fits;
}

function reportProgress(
  attempt: HeldAttempt,
  { fraction, message }: { readonly fraction: number; readonly message: string },
  reports: ReportBuilder,
  { now }: Turn,
): number {
  const allowedAt = attempt.progressAt + PROGRESS_INTERVAL_MS;
  if (now < allowedAt) return allowedAt;
  attempt.progress = undefined;
  attempt.progressAt = now;
  reports.update(makeProgress(attempt.id, fraction, message), ENVELOPE_BYTES + message.length);
  return NEVER;
}

/** A last one goes out with the result. */
function reportUsage(
  attempt: HeldAttempt,
  counters: Readonly<Record<string, number>>,
  reports: ReportBuilder,
  { now }: Turn,
): number {
  const allowedAt = attempt.usageAt + USAGE_INTERVAL_MS;
  if (now < allowedAt && !attempt.resultDue) return allowedAt;
  attempt.usageDue = false;
  attempt.usageAt = now;
  const names = Object.keys(counters);
  reports.update(
    makeUsage(attempt.id, counters),
    names.reduce((sum, name) => sum + name.length + 16, ENVELOPE_BYTES),
  );
  return NEVER;
}

/** The control plane stores one a second; a last one goes out with the result. */
function reportCheckpoint(attempt: HeldAttempt, reports: ReportBuilder, { now, budget }: Turn): number {
  const { checkpoint } = attempt;
  if (checkpoint === undefined) return NEVER;
  if (!attempt.resultDue) {
    const allowedAt = attempt.checkpointAt + times.checkpointIntervalMs;
    if (now < allowedAt) return allowedAt;
    if (budget.checkpointBytes < checkpoint.length) return budget.checkpointsFrom + CHECKPOINT_PAUSE_MS;
  }
  budget.checkpointBytes -= checkpoint.length;
  attempt.checkpointDue = false;
  attempt.checkpointAt = now;
  reports.update(makeCheckpoint(attempt.id, checkpoint), ENVELOPE_BYTES + checkpoint.length);
  return NEVER;
}

function bytesOf(end: AttemptEnd): number {
  switch (end.type) {
    case 'completed':
      return end.output.kind === 'value' ? end.output.bytes.length : ENVELOPE_BYTES;
    case 'failed':
      return end.message.length + (end.details?.length ?? 0);
    case 'cancelled':
      return 0;
    case 'handedBack':
      return end.reason.length;
  }
}
