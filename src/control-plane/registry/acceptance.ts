/**
 * PURE: attempts that wait to be accepted, and instances that are deaf to them: three times in a row nothing that was sent
 * was accepted, though the instance beats.
 */
import { times } from '../../core/limits.ts';
import type { HeldAttempt, Instance } from './instance.ts';

interface Awaiting {
  readonly instance: Instance;
  readonly attempt: HeldAttempt;
  /** Its `acceptUntil` when it was put here: one that was sent again has a newer entry. */
  readonly until: number;
}

const GARBAGE_MAX = 64;
const DEAF_AFTER = 3;

export class Acceptance {
  /** Oldest first: the deadline is the same for all, so the head is the next due. */
  private awaiting: Awaiting[] = [];
  private head = 0;

  expect(instance: Instance, attempt: HeldAttempt): void {
    // Most are accepted within milliseconds: to keep them until the deadline would fill the old generation with them.
    this.dropAccepted();
    this.awaiting.push({ instance, attempt, until: attempt.acceptUntil });
  }

  /** The next that was due; call it until there is none. */
  takeDue(at: number): { readonly instance: Instance; readonly attempt: HeldAttempt } | undefined {
    const entry = this.dropAccepted();
    if (entry === undefined || entry.until > at) return undefined;
    entry.attempt.acceptUntil = 0;
    countMiss(entry, at);
    return entry;
  }

  /** Lets go of the oldest ones that need no acceptance any more; returns the first that does. */
  private dropAccepted(): Awaiting | undefined {
    let entry = this.awaiting[this.head];
    while (entry !== undefined && !needsAcceptance(entry)) entry = this.awaiting[++this.head];
    if (this.head > GARBAGE_MAX && this.head * 2 > this.awaiting.length) {
      this.awaiting = this.awaiting.slice(this.head);
      this.head = 0;
    }
    return entry;
  }
}

/** True: no use to send it anything on this stream. */
export function isDeaf({ peer, missed }: Instance): boolean {
  return peer !== undefined && missed.count >= DEAF_AFTER;
}

/** It took something. */
export function hasListened(instance: Instance): void {
  if (instance.missed.count > 0) instance.missed = NOTHING_MISSED;
}

export const NOTHING_MISSED: Instance['missed'] = { count: 0, at: Number.NEGATIVE_INFINITY };

/** What was sent before the last miss was known says the same as that one did. */
function countMiss({ instance, until }: Awaiting, at: number): void {
  const { missed } = instance;
  if (until - times.acceptMs >= missed.at) instance.missed = { count: missed.count + 1, at };
}

function needsAcceptance({ instance, attempt, until }: Awaiting): boolean {
  if (attempt.acceptUntil !== until || attempt.isFenced || instance.peer === undefined) return false;
  return instance.held.get(attempt.attemptId) === attempt;
}
