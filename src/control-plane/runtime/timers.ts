/**
 * The task rows with a due time, nearest first, behind one timer of the clock. Entries are cancelled lazily and the heap is
 * rebuilt when most of it is dead, so a million short steps with a one-hour timeout do not pile up.
 */
import { ChurnMap } from '../../core/churn-map.ts';
import type { CancelTimer, Clock } from '../../core/clock.ts';

export interface TimerKey {
  readonly runId: string;
  readonly path: string;
  readonly attempt: number;
}

interface Entry extends TimerKey {
  readonly key: string;
  readonly dueAt: number;
  isDead: boolean;
}

/** Below it the heap is not rebuilt. Small, so that what is dead does not live long enough to be moved to the old generation. */
const GARBAGE_MIN = 256;

export class Timers {
  private readonly clock: Clock;
  private readonly onDue: (key: TimerKey) => void;
  private readonly live = new ChurnMap<Entry>();
  private heap: Entry[] = [];
  private armedFor = Number.POSITIVE_INFINITY;
  private cancelTimer: CancelTimer | undefined = undefined;
  /** Monotonic ms. */
  private holdUntil = Number.NEGATIVE_INFINITY;
  private isStopped = false;

  constructor(clock: Clock, onDue: (key: TimerKey) => void) {
    this.clock = clock;
    this.onDue = onDue;
  }

  /** Replaces an earlier entry with the same key; `dueAt` in wall ms. */
  set(key: string, timer: TimerKey, dueAt: number): void {
    this.cancel(key);
    const entry: Entry = { runId: timer.runId, path: timer.path, attempt: timer.attempt, key, dueAt, isDead: false };
    this.live.set(key, entry);
    push(this.heap, entry);
    if (dueAt < this.armedFor) this.arm();
  }

  cancel(key: string): void {
    const entry = this.live.get(key);
    if (entry === undefined) return;
    entry.isDead = true;
    this.live.delete(key);
    if (this.heap.length > GARBAGE_MIN && this.live.size * 4 < this.heap.length) this.rebuild();
  }

  /** Nothing was judged before this time, monotonic ms. */
  get heldUntil(): number {
    return this.holdUntil;
  }

  /** After a stall of ours nothing is judged for `ms`: what the sockets hold is read first. */
  hold(ms: number): void {
    this.holdUntil = Math.max(this.holdUntil, this.clock.monotonic() + ms);
    this.arm();
  }

  /** The wall clock was set: the timer of the machine does not know. */
  rearm(): void {
    this.arm();
  }

  stop(): void {
    this.isStopped = true;
    this.cancelTimer?.();
  }

  /** When the nearest entry comes due, wall ms; undefined: nothing waits. */
  nearest(): number | undefined {
    this.dropDead();
    return this.heap[0]?.dueAt;
  }

  private rebuild(): void {
    const entries = this.live.values().sort((a, b) => a.dueAt - b.dueAt);
    this.heap = entries;
  }

  private dropDead(): void {
    while (this.heap[0]?.isDead === true) pop(this.heap);
  }

  private arm(): void {
    this.cancelTimer?.();
    this.cancelTimer = undefined;
    this.dropDead();
    const next = this.heap[0];
    if (next === undefined || this.isStopped) {
      this.armedFor = Number.POSITIVE_INFINITY;
      return;
    }
    this.armedFor = next.dueAt;
    const delayMs = Math.max(0, next.dueAt - this.clock.now(), this.holdUntil - this.clock.monotonic());
    this.cancelTimer = this.clock.timer(delayMs, () => this.fire());
  }

  private fire(): void {
    const now = this.clock.now();
    if (this.clock.monotonic() >= this.holdUntil) {
      for (this.dropDead(); (this.heap[0]?.dueAt ?? Number.POSITIVE_INFINITY) <= now; this.dropDead()) {
        const entry = pop(this.heap);
        if (entry === undefined) break;
        this.live.delete(entry.key);
        this.onDue(entry);
      }
    }
    this.arm();
  }
}

function push(heap: Entry[], entry: Entry): void {
  let index = heap.length;
  heap.push(entry);
  while (index > 0) {
    const above = (index - 1) >> 1;
    const parent = heap[above];
    if (parent === undefined || parent.dueAt <= entry.dueAt) break;
    heap[index] = parent;
    index = above;
  }
  heap[index] = entry;
}

function pop(heap: Entry[]): Entry | undefined {
  const top = heap[0];
  const last = heap.pop();
  if (top === undefined || last === undefined || heap.length === 0) return top;
  let index = 0;
  for (;;) {
    let below = index * 2 + 1;
    const right = heap[below + 1];
    if (right !== undefined && right.dueAt < (heap[below]?.dueAt ?? 0)) below += 1;
    const child = heap[below];
    if (child === undefined || child.dueAt >= last.dueAt) break;
    heap[index] = child;
    index = below;
  }
  heap[index] = last;
  return top;
}
