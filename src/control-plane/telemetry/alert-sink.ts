/**
 * Alerts on their way out: rules say which and how severe, repetitions within a time are counted instead of sent, and what
 * cannot be delivered is tried again with growing pauses.
 *
 * In memory: what was not delivered when the process dies is not sent again. The facts themselves are in the journal, in the
 * list of runs and in the log.
 */
import type { Alert, AlertKind, Alerts } from '../../core/alerts.ts';
import type { Clock } from '../../core/clock.ts';
import { createUlid } from '../../core/ids.ts';
import type { Logger } from '../../core/logger.ts';
import type { Random } from '../../core/random.ts';

export type Severity = 'critical' | 'error' | 'warning' | 'info';
export type AlertRules = Readonly<Record<AlertKind, Severity | 'off'>>;

/** One POST: taken for good, refused for good, or to be tried again. */
export type Delivery = 'taken' | 'refused' | 'later';

/** What is sent, as JSON. */
export interface AlertMessage extends Alert {
  /** The same in every try: a receiver that has it may drop it. */
  readonly id: string;
  readonly severity: Severity;
  /** ISO 8601. */
  readonly time: string;
  readonly node: string;
  /** Alerts of the same kind about the same that were not sent since the last one. */
  readonly repeated: number;
}

export interface AlertSinkOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly node: string;
  readonly rules: AlertRules;
  /** Milliseconds within which a repetition is only counted. */
  readonly repeatAfterMs: number;
  readonly post: (message: AlertMessage) => Promise<Delivery>;
}

const QUEUE_MAX = 1_000;
/** Kinds and subjects whose last time is remembered. */
const REMEMBERED_MAX = 10_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 300_000;
/** With the pauses between them about half an hour. */
const TRIES_MAX = 14;

interface Sent {
  readonly at: number;
  repeated: number;
}

export class AlertSink implements Alerts {
  private readonly options: AlertSinkOptions;
  private readonly sent = new Map<string, Sent>();
  private queue: AlertMessage[] = [];
  private isSending = false;
  private tries = 0;
  private dropped = 0;
  private cancelPause: (() => void) | undefined;
  private idleWaiters: (() => void)[] = [];

  constructor(options: AlertSinkOptions) {
    this.options = options;
  }

  raise(alert: Alert): void {
    const { clock, random, node, rules } = this.options;
    const severity = rules[alert.kind];
    if (severity === 'off') return;
    const repeated = this.repetitions(`${alert.kind} ${alert.subject}`);
    if (repeated === undefined) return;
    const now = clock.now();
    const id = createUlid(now, random);
    this.queue.push({ ...alert, id, severity, time: new Date(now).toISOString(), node, repeated });
    if (this.queue.length > QUEUE_MAX) this.dropOldest();
    void this.send();
  }

  /** Resolves when the queue is empty or its first message could not be delivered: the process ends. */
  async flush(): Promise<void> {
    if (this.queue.length === 0) return;
    const settled = new Promise<void>((resolve) => this.idleWaiters.push(resolve));
    this.cancelPause?.();
    this.cancelPause = undefined;
    void this.send();
    await settled;
  }

  /** How many were not sent since the last that was; undefined: this one is not sent either. */
  private repetitions(key: string): number | undefined {
    const now = this.options.clock.monotonic();
    const last = this.sent.get(key);
    if (last !== undefined && now - last.at < this.options.repeatAfterMs) {
      last.repeated += 1;
      return undefined;
    }
    this.sent.delete(key);
    this.sent.set(key, { at: now, repeated: 0 });
    for (const oldest of this.sent.keys()) {
      if (this.sent.size <= REMEMBERED_MAX) break;
      this.sent.delete(oldest);
    }
    return last?.repeated ?? 0;
  }

  private dropOldest(): void {
    this.queue.shift();
    this.tries = 0;
    this.dropped += 1;
    if (this.dropped === 1) this.options.logger.warn('alerts are dropped: they cannot be delivered fast enough');
  }

  /** One at a time, in order: whoever reads them sees causes before consequences. */
  private async send(): Promise<void> {
    if (this.isSending || this.cancelPause !== undefined) return;
    this.isSending = true;
    for (let message = this.queue[0]; message !== undefined; message = this.queue[0]) {
      const delivery = await this.options.post(message);
      if (delivery === 'later' && this.tries + 1 < TRIES_MAX) {
        this.pause();
        break;
      }
      if (delivery !== 'taken') this.giveUp(message, delivery);
      this.tries = 0;
      if (this.queue[0] === message) this.queue.shift();
    }
    this.isSending = false;
    // The next time that alerts are dropped is told again.
    if (this.queue.length === 0) this.dropped = 0;
    const waiters = this.idleWaiters;
    this.idleWaiters = [];
    for (const waiter of waiters) waiter();
  }

  private pause(): void {
    const { clock, random } = this.options;
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.tries);
    this.tries += 1;
    this.cancelPause = clock.timer(longest * (0.5 + random.next() / 2), () => {
      this.cancelPause = undefined;
      void this.send();
    });
  }

  private giveUp({ id, kind }: AlertMessage, delivery: Delivery): void {
    const why = delivery === 'refused' ? 'the receiver refused it' : `it could not be delivered ${TRIES_MAX} times`;
    this.options.logger.error('an alert is given up', { alert: id, kind, why });
  }
}
