/**
 * Log lines that wait for the next Report. They are live only, so they are the first to be dropped: beyond a rate per
 * attempt and beyond a total, with the gap counted and told in a line of its own. Pure.
 */
import type { AttemptUpdate } from '../gen/opaque/session_pb.ts';
import { makeLog } from './frames.ts';
import type { News } from './news.ts';

/** Per attempt: a burst, and lines a second after it. A person reads no more. */
const BURST = 100;
const LINES_PER_SECOND = 50;
/** Over all attempts, while the stream is cut or slow. */
const WAITING_LINES_MAX = 1_000;
const WAITING_CHARS_MAX = 1 << 20;

type LogNews = Extract<News, { type: 'log' }>;

/** The part of an attempt that its logs need. */
export interface LogAllowance {
  tokens: number;
  countedAt: number;
  /** Lines dropped since the last one that passed. */
  dropped: number;
}

export interface LogLine {
  readonly update: AttemptUpdate;
  /** About as many bytes. */
  readonly chars: number;
}

export function createAllowance(now: number): LogAllowance {
  return { tokens: BURST, countedAt: now, dropped: 0 };
}

export class LogQueue {
  #lines: LogLine[] = [];
  #chars = 0;

  get isEmpty(): boolean {
    return this.#lines.length === 0;
  }

  add(line: LogNews, allowance: LogAllowance, now: number): void {
    refill(allowance, now);
    if (allowance.tokens < 1 || this.#isFull(line)) {
      allowance.dropped++;
      return;
    }
    allowance.tokens--;
    this.addGap(line.attemptId, allowance);
    this.#push({ update: makeLog(line.attemptId, line), chars: charsOf(line) });
  }

  /** Tells of the lines that were dropped, if any. */
  addGap(attemptId: string, allowance: LogAllowance): void {
    const { dropped } = allowance;
    if (dropped === 0) return;
    allowance.dropped = 0;
    const message = `${dropped} log ${dropped === 1 ? 'line was' : 'lines were'} dropped`;
    const update = makeLog(attemptId, { level: 'warn', message, fields: { dropped: String(dropped) } });
    this.#push({ update, chars: message.length });
  }

  take(): LogLine[] {
    const lines = this.#lines;
    this.#lines = [];
    this.#chars = 0;
    return lines;
  }

  #isFull(line: LogNews): boolean {
    return this.#lines.length >= WAITING_LINES_MAX || this.#chars + charsOf(line) > WAITING_CHARS_MAX;
  }

  #push(line: LogLine): void {
    this.#lines.push(line);
    this.#chars += line.chars;
  }
}

function charsOf({ message, fields }: LogNews): number {
  let chars = message.length;
  for (const [key, value] of Object.entries(fields)) chars += key.length + value.length;
  return chars;
}

function refill(allowance: LogAllowance, now: number): void {
  const earned = ((now - allowance.countedAt) * LINES_PER_SECOND) / 1_000;
  allowance.tokens = Math.min(BURST, allowance.tokens + Math.max(0, earned));
  allowance.countedAt = now;
}
