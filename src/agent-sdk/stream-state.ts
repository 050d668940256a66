/** One stream as the session sees it: its Hello, its rules, its beats and its silence. Pure. */
import { times } from '../core/limits.ts';
import type { Random } from '../core/random.ts';
import type { SessionRules } from './frames.ts';

const NEVER = Number.POSITIVE_INFINITY;
/** Beats come so that a fleet does not beat in step. */
const BEAT_JITTER = 0.1;
/** A short loss window needs beats well within it: several may be lost before the window is over. */
const BEATS_PER_WINDOW = 6;
const BEAT_INTERVAL_MS_MIN = 100;
/** Beats that wait for their ack; silence ends the stream long before. */
const BEATS_WAITING_MAX = 256;

export class StreamState {
  readonly link: number;
  readonly helloAt: number;
  heardAt: number;
  /** The revision of State that was sent last. */
  revisionSent = 0;
  rules: SessionRules | undefined;
  #beatIntervalMs = 0;
  #beatAt = NEVER;
  #beatNumber = 0;
  #acked = 0;
  #waiting: { readonly number: number; readonly sentAt: number }[] = [];

  constructor(link: number, now: number) {
    this.link = link;
    this.helloAt = now;
    this.heardAt = now;
  }

  /** Welcome: beats start. */
  begin(rules: SessionRules, now: number, random: Random): void {
    this.rules = rules;
    this.#beatIntervalMs = rules.beatIntervalMs;
    this.#beatAt = now + jitter(this.#beatIntervalMs, random);
  }

  nextAt(): number {
    return Math.min(this.#beatAt, this.#silentAt());
  }

  /** Makes beats as frequent as a non-idempotent attempt with its own, shorter window needs. 0: the window of the session. */
  beatWithin(lossWindowMs: number, now: number): void {
    if (lossWindowMs === 0) return;
    const intervalMs = Math.max(BEAT_INTERVAL_MS_MIN, lossWindowMs / BEATS_PER_WINDOW);
    if (intervalMs >= this.#beatIntervalMs) return;
    this.#beatIntervalMs = intervalMs;
    this.beatSoon(now);
  }

  /** The next beat goes at once: its ack tells how things stand. */
  beatSoon(now: number): void {
    this.#beatAt = Math.min(this.#beatAt, now);
  }

  /** The beat that is due, or undefined. */
  takeBeat(
    now: number,
    random: Random,
  ): { readonly number: number; readonly lateMs: number; readonly acked: number } | undefined {
    if (now < this.#beatAt) return undefined;
    const lateMs = now - this.#beatAt;
    const number = ++this.#beatNumber;
    this.#beatAt = now + jitter(this.#beatIntervalMs, random);
    this.#waiting.push({ number, sentAt: now });
    if (this.#waiting.length > BEATS_WAITING_MAX) this.#waiting.shift();
    return { number, lateMs, acked: this.#acked };
  }

  /** When the beat that is acknowledged was sent; undefined when that is no news. */
  ackBeat(number: number): number | undefined {
    const acked = this.#waiting.find((beat) => beat.number === number);
    if (acked === undefined) return undefined;
    this.#acked = number;
    this.#waiting = this.#waiting.filter((beat) => beat.number > number);
    return acked.sentAt;
  }

  /** After a standstill of this process its own silence proves nothing: what arrived meanwhile is read first. */
  stretch(lateMs: number, now: number): void {
    this.heardAt = Math.min(now, this.heardAt + lateMs);
  }

  /** Says why the stream counts as dead, or undefined. */
  silence(now: number): string | undefined {
    if (now < this.#silentAt()) return undefined;
    const seconds = Math.round((now - this.heardAt) / 1_000);
    return this.rules === undefined ? `no Welcome within ${seconds} s` : `nothing heard for ${seconds} s`;
  }

  #silentAt(): number {
    return this.heardAt + (this.rules?.silenceLimitMs ?? times.helloMs);
  }
}

function jitter(intervalMs: number, random: Random): number {
  return intervalMs * (1 - BEAT_JITTER + random.next() * 2 * BEAT_JITTER);
}
