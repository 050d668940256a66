/**
 * Watchers of runs: committed events from a position, then new ones as they are committed, and live events that are never
 * replayed. A watcher that does not keep up is cut off and resumes from its position; live events that it is too late for are
 * dropped before that, since an agent may write any number of lines to its log.
 */
import { ChurnMap } from '../../core/churn-map.ts';
import { YardmasterError } from '../../core/errors.ts';
import { type Metrics, noMetrics } from '../../core/metrics.ts';
import type { RunEvent } from '../engine/events.ts';
import type { JournalRow, Store } from '../store/port.ts';
import type { WatchedEvent } from './control-plane.ts';

const PAGE = 256;
const QUEUE_MAX = 20_000;
/** Of the live events among them: a line of a log may have 40,000 characters. */
const LIVE_CHARS_MAX = 1024 * 1024;
/** What an event takes besides its texts. */
const EVENT_CHARS = 200;

type Live = Extract<WatchedEvent, { kind: 'live' }>;

class Watcher {
  readonly live: boolean;
  private queue: WatchedEvent[] = [];
  private liveChars = 0;
  isOverflowed = false;
  /** There may be durable events that were never published: read on from the store. */
  isStale = false;
  private wake: (() => void) | undefined = undefined;

  constructor(live: boolean) {
    this.live = live;
  }

  push(event: Extract<WatchedEvent, { kind: 'event' }>): void {
    if (this.queue.length >= QUEUE_MAX) this.isOverflowed = true;
    else this.queue.push(event);
    this.notify();
  }

  /** False: it was dropped. */
  pushLive(event: Live): boolean {
    if (this.queue.length >= QUEUE_MAX || this.liveChars >= LIVE_CHARS_MAX) return false;
    this.liveChars += charsOf(event);
    this.queue.push(event);
    this.notify();
    return true;
  }

  /** Everything that waits. */
  take(): readonly WatchedEvent[] {
    const events = this.queue;
    this.queue = [];
    this.liveChars = 0;
    return events;
  }

  notify(): void {
    this.wake?.();
    this.wake = undefined;
  }

  async next(): Promise<void> {
    if (this.queue.length === 0 && !this.isOverflowed && !this.isStale)
      await new Promise<void>((resolve) => (this.wake = resolve));
  }
}

export interface RunTap {
  published(position: number, events: readonly RunEvent[]): void;
  /** There may be committed events that were never published. */
  reread(): void;
}

function charsOf({ live }: Live): number {
  const message = 'message' in live ? live.message.length : 0;
  const fields = 'fields' in live ? Object.entries(live.fields) : [];
  return fields.reduce((sum, [key, value]) => sum + key.length + value.length, EVENT_CHARS + message);
}

export class WatchHub {
  private readonly store: Store;
  private readonly metrics: Metrics;
  private readonly watchers = new ChurnMap<Set<Watcher>>();
  private readonly taps = new ChurnMap<Set<RunTap>>();
  private readonly ends = new ChurnMap<Set<() => void>>();

  constructor(store: Store, metrics: Metrics = noMetrics) {
    this.store = store;
    this.metrics = metrics;
  }

  /** Calls `fn` once when the run's end is durable. The answer takes it back. */
  onceOver(runId: string, fn: () => void): () => void {
    const waiting = this.ends.get(runId) ?? new Set();
    this.ends.set(runId, waiting);
    waiting.add(fn);
    return () => {
      waiting.delete(fn);
      if (waiting.size === 0 && this.ends.get(runId) === waiting) this.ends.delete(runId);
    };
  }

  /** The run's end is durable. */
  over(runId: string): void {
    const waiting = this.ends.get(runId);
    this.ends.delete(runId);
    for (const fn of waiting ?? []) fn();
  }

  /** Hears of every committed event of a run, as it is published. The answer takes it back. */
  tap(runId: string, tap: RunTap): () => void {
    const taps = this.taps.get(runId) ?? new Set();
    this.taps.set(runId, taps);
    taps.add(tap);
    return () => {
      taps.delete(tap);
      if (taps.size === 0 && this.taps.get(runId) === taps) this.taps.delete(runId);
    };
  }

  /** The run was read anew after a failed commit, which may have landed without a word. */
  reread(runId: string): void {
    for (const tap of this.taps.get(runId) ?? []) tap.reread();
    for (const watcher of this.watchers.get(runId) ?? []) {
      watcher.isStale = true;
      watcher.notify();
    }
  }

  /** Committed events: called after the commit. */
  publish(runId: string, position: number, events: readonly RunEvent[]): void {
    for (const tap of this.taps.get(runId) ?? []) tap.published(position, events);
    const watchers = this.watchers.get(runId);
    if (watchers === undefined) return;
    for (const watcher of watchers) {
      events.forEach((event, offset) => {
        watcher.push({ kind: 'event', position: position + offset, event });
      });
    }
  }

  publishLive(runId: string, event: Live): void {
    for (const watcher of this.watchers.get(runId) ?? []) {
      if (watcher.live && !watcher.pushLive(event)) this.metrics.dropped('watch', 1);
    }
  }

  async *watch(runId: string, fromPosition: number, live: boolean, signal: AbortSignal): AsyncGenerator<WatchedEvent> {
    const watcher = new Watcher(live);
    this.add(runId, watcher);
    const onAbort = (): void => watcher.notify();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      yield* this.follow(runId, fromPosition, watcher, signal);
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.remove(runId, watcher);
    }
  }

  private async *follow(
    runId: string,
    fromPosition: number,
    watcher: Watcher,
    signal: AbortSignal,
  ): AsyncGenerator<WatchedEvent> {
    let position = fromPosition;
    while (!signal.aborted) {
      watcher.isStale = false;
      for await (const event of this.readFrom(runId, position, signal)) {
        position = event.position + 1;
        yield event;
        if (event.event.type === 'RunEnded') return;
      }
      while (!signal.aborted && !watcher.isStale) {
        await watcher.next();
        for (const event of watcher.take()) {
          if (event.kind === 'event') {
            if (event.position < position) continue;
            position = event.position + 1;
          }
          yield event;
          if (event.kind === 'event' && event.event.type === 'RunEnded') return;
        }
        if (watcher.isOverflowed) throw tooSlow(runId, position);
      }
    }
  }

  /** What is durable, page by page. */
  private async *readFrom(
    runId: string,
    fromPosition: number,
    signal: AbortSignal,
  ): AsyncGenerator<Extract<WatchedEvent, { kind: 'event' }>> {
    let position = fromPosition;
    for (let isMore = true; isMore && !signal.aborted; ) {
      const rows = await this.store.loadJournal(runId, position, PAGE);
      isMore = rows.length === PAGE;
      for (const event of eventsFrom(rows, position)) {
        position = event.position + 1;
        yield event;
      }
    }
  }

  private add(runId: string, watcher: Watcher): void {
    const watchers = this.watchers.get(runId);
    if (watchers === undefined) this.watchers.set(runId, new Set([watcher]));
    else watchers.add(watcher);
  }

  private remove(runId: string, watcher: Watcher): void {
    const watchers = this.watchers.get(runId);
    watchers?.delete(watcher);
    if (watchers?.size === 0) this.watchers.delete(runId);
  }
}

function* eventsFrom(
  rows: readonly JournalRow[],
  position: number,
): Generator<Extract<WatchedEvent, { kind: 'event' }>> {
  for (const row of rows) {
    for (let offset = 0; offset < row.events.length; offset++) {
      const event = row.events[offset];
      if (event !== undefined && row.position + offset >= position)
        yield { kind: 'event', position: row.position + offset, event };
    }
  }
}

function tooSlow(runId: string, position: number): YardmasterError {
  return new YardmasterError('WATCH_TOO_SLOW', `Cannot keep watching run "${runId}": the reader is too slow`, {
    meta: { position: String(position) },
    next: `watch again from position ${position}`,
  });
}
