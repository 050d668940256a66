/**
 * The steps of one class, one priority and one set of instances to avoid. Its runs take turns: a ring of run queues.
 * A line with instances to avoid stands on its own so that a step which may not go to the one free instance never
 * holds up those behind it.
 *
 * Invariants:
 * 1. `current` is undefined exactly when no step waits; else it is the run whose turn it is.
 * 2. `size` is the sum of the ring's sizes, `runs` its length.
 */
import type { ClassQueue } from './class-queue.ts';
import type { Turn } from './fair-queue.ts';
import { orderKeyOf, priorities } from './order-key.ts';
import type { RunQueue } from './run-queue.ts';

export class Line implements Turn {
  readonly class: ClassQueue;
  readonly key: string;
  /** Rank in `priorities`. */
  readonly rank: number;
  readonly avoid: readonly string[];
  turn = 0;
  arrival = 0;
  place = -1;
  size = 0;
  runs = 0;
  current: RunQueue | undefined = undefined;
  /** Every free instance of the class is one to avoid, and another one can take it later. */
  isBlocked = false;

  constructor(owner: ClassQueue, key: string, rank: number, avoid: readonly string[]) {
    this.class = owner;
    this.key = key;
    this.rank = rank;
    this.avoid = avoid;
  }

  /** Of the step that goes next; lower goes first. */
  get orderKey(): number {
    const priority = priorities[this.rank] ?? 'normal';
    return this.current === undefined ? Number.POSITIVE_INFINITY : orderKeyOf(priority, this.current.headQueuedAt);
  }

  /** A new run queues behind all that wait for their turn. */
  add(queue: RunQueue): void {
    const { current } = this;
    this.runs += 1;
    if (current === undefined) {
      this.current = queue;
      return;
    }
    const last = current.previous;
    queue.next = current;
    queue.previous = last;
    last.next = queue;
    current.previous = queue;
  }

  remove(queue: RunQueue): void {
    this.runs -= 1;
    queue.previous.next = queue.next;
    queue.next.previous = queue.previous;
    if (this.current === queue) this.current = queue.next === queue ? undefined : queue.next;
    // A dead queue that points into the ring would keep the next ones alive, and so on: a minor collection takes it for live.
    queue.next = queue;
    queue.previous = queue;
  }

  /** The present run has had its turn. */
  rotate(): void {
    this.current = this.current?.next;
  }

  /** The run queues in the order of their turns. */
  *queues(): Generator<RunQueue> {
    let queue = this.current;
    for (let left = this.runs; left > 0 && queue !== undefined; left -= 1) {
      yield queue;
      queue = queue.next;
    }
  }
}
