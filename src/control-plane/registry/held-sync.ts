/**
 * PURE: whether an instance and we agree on what it holds. Every Beat says what it has; we compare when nothing is on its way,
 * so that a difference is one.
 *
 * What is on its way to the instance is known by its beats: a Beat says which of our acks it has heard, and what we sent before
 * that ack it has heard as well. What is on its way to us came before the Beat.
 */
import { digestOf, type HeldDigest } from '../../core/held-digest.ts';
import type { BeatFrame } from './frames.ts';
import type { HeldAttempt } from './instance.ts';

/** Once could be a mistake of ours; a second Beat costs five seconds. */
const MISMATCHES = 2;
/** An instance that says Hello again and still differs is not asked all the time. */
const PAUSE_MS = 60_000;

/** A stop that left for an instance, on one stream. */
export interface SentStop {
  /** Registry time. */
  readonly at: number;
  /** The ack of this beat, or of a later one, went out after it: an instance that has heard the ack has read the stop. */
  readonly fence: number;
  /** Registry time since when we know that it was read; undefined: we do not. */
  readAt: number | undefined;
}

export class HeldSync {
  /** Beats from this one on were acknowledged after the last change that we sent. */
  private fence = 1;
  private heard = 0;
  private mismatches = 0;
  private askedAt = Number.NEGATIVE_INFINITY;
  /** Results that we have yet to answer: while a commit is unclear their attempts may not be held. */
  private readonly unanswered = new Set<string>();
  /** Stops that may not have been read. */
  private unread: SentStop[] = [];

  /** A new stream: beats count from 1 again. */
  begin(): void {
    this.fence = 1;
    this.heard = 0;
    this.mismatches = 0;
    this.unanswered.clear();
    this.unread = [];
  }

  /** What changes what the instance holds (an assignment, the answer to a result) goes out now. */
  sent(): void {
    this.fence = this.heard + 1;
  }

  /** A stop goes out now. */
  stopSent(at: number): SentStop {
    const stop: SentStop = { at, fence: this.heard + 1, readAt: undefined };
    this.unread.push(stop);
    return stop;
  }

  /** It has a result, and keeps it until we answer. */
  expectsAnswer(attemptId: string): void {
    this.unanswered.add(attemptId);
  }

  /** The result was answered, or will not be on this stream. */
  answered(attemptId: string): void {
    this.unanswered.delete(attemptId);
  }

  /** What it should hold, when the two have not agreed for long enough to ask it for a new Hello; undefined: all is well. */
  judge(frame: BeatFrame, held: readonly HeldAttempt[], at: number): HeldDigest | undefined {
    this.heard = frame.number;
    const theirs = frame.holds;
    if (theirs !== undefined && this.unread.length > 0) this.read(theirs.acked, at);
    if (theirs === undefined || theirs.acked < this.fence) return undefined;
    const ours = digestOf(this.idsOf(held));
    const isSame = ours.count === theirs.count && ours.digest === theirs.digest;
    this.mismatches = isSame ? 0 : this.mismatches + 1;
    if (this.mismatches < MISMATCHES || at - this.askedAt < PAUSE_MS) return undefined;
    this.mismatches = 0;
    this.askedAt = at;
    return ours;
  }

  private read(acked: number, at: number): void {
    for (const stop of this.unread) if (stop.fence <= acked) stop.readAt = at;
    this.unread = this.unread.filter(({ readAt }) => readAt === undefined);
  }

  private *idsOf(held: readonly HeldAttempt[]): Iterable<string> {
    for (const { attemptId, isSent } of held) if (isSent && !this.unanswered.has(attemptId)) yield attemptId;
    yield* this.unanswered;
  }
}
