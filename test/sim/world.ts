/**
 * Virtual time and the one queue of everything that happens. An event belongs to a process (or to the world itself); a dead
 * process has no events any more, and what comes for a frozen one waits until it goes on.
 *
 * Determinism: events run one at a time, by time and then by the order in which they were made; after each, one real turn of
 * the event loop lets every promise settle. Nothing else in a simulation waits for anything real.
 */
import type { Trace } from './trace.ts';

/** What a process waits for, in the order in which Node's loop looks after it stood still: timers, sockets, turns. */
export type EventKind = 'timer' | 'io' | 'turn';

interface Entry {
  readonly at: number;
  readonly sequence: number;
  readonly kind: EventKind;
  readonly owner: Process | undefined;
  readonly run: () => void;
  isCancelled: boolean;
}

const ORDER_AFTER_FREEZE: readonly EventKind[] = ['timer', 'io', 'turn'];

/** One operating-system process: it can stand still, and it can die. */
export class Process {
  readonly name: string;
  isDead = false;
  isFrozen = false;
  /** How often it stood still; a piece of work that spans a freeze may be late through no fault of anyone. */
  freezes = 0;
  /** When it last went on; before that: never. */
  thawedAt = Number.NEGATIVE_INFINITY;
  readonly backlog: Entry[] = [];

  constructor(name: string) {
    this.name = name;
  }
}

export class World {
  /** Virtual milliseconds since the start. */
  now = 0;
  eventCount = 0;
  readonly trace: Trace;
  /** Called after every event. */
  onEvent: () => void = () => {};
  private readonly heap: Entry[] = [];
  private sequence = 0;

  constructor(trace: Trace) {
    this.trace = trace;
  }

  /** Runs `run` at virtual time `at`, inside `owner`. The answer takes it back. */
  at(at: number, owner: Process | undefined, kind: EventKind, run: () => void): () => void {
    const entry: Entry = {
      at: Math.max(at, this.now),
      sequence: this.sequence++,
      kind,
      owner,
      run,
      isCancelled: false,
    };
    push(this.heap, entry);
    return () => {
      entry.isCancelled = true;
    };
  }

  after(delayMs: number, owner: Process | undefined, kind: EventKind, run: () => void): () => void {
    return this.at(this.now + Math.max(0, delayMs), owner, kind, run);
  }

  log(actor: string, text: string): void {
    this.trace.add(this.now, actor, text);
  }

  kill(process: Process): void {
    process.isDead = true;
    process.backlog.length = 0;
  }

  freeze(process: Process): void {
    process.isFrozen = true;
    process.freezes += 1;
  }

  /** What came meanwhile happens now: first the timers that are due, then what the sockets hold. */
  thaw(process: Process): void {
    process.isFrozen = false;
    process.thawedAt = this.now;
    const waiting = process.backlog.splice(0);
    for (const kind of ORDER_AFTER_FREEZE) {
      for (const entry of waiting) {
        if (entry.kind !== kind || entry.isCancelled) continue;
        // Made anew, it can still be taken back through the old one.
        this.at(this.now, process, kind, () => {
          if (!entry.isCancelled) entry.run();
        });
      }
    }
  }

  /** Runs what is due until `until`, or until `isDone` says so. */
  async run(until: number, isDone: () => boolean): Promise<void> {
    while (!isDone()) {
      const next = this.heap[0];
      if (next === undefined || next.at > until) {
        this.now = until;
        return;
      }
      pop(this.heap);
      if (next.isCancelled || next.owner?.isDead === true) continue;
      this.now = next.at;
      if (next.owner?.isFrozen === true) {
        next.owner.backlog.push(next);
        continue;
      }
      next.run();
      await settle();
      this.eventCount += 1;
      this.onEvent();
    }
  }
}

/** Lets everything that promises do without waiting for anything real happen. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function isBefore(left: Entry, right: Entry): boolean {
  return left.at < right.at || (left.at === right.at && left.sequence < right.sequence);
}

function push(heap: Entry[], entry: Entry): void {
  let index = heap.length;
  heap.push(entry);
  while (index > 0) {
    const above = (index - 1) >> 1;
    const parent = heap[above];
    if (parent === undefined || isBefore(parent, entry)) break;
    heap[index] = parent;
    index = above;
  }
  heap[index] = entry;
}

function pop(heap: Entry[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let index = 0;
  for (;;) {
    let below = index * 2 + 1;
    const left = heap[below];
    const right = heap[below + 1];
    if (left !== undefined && right !== undefined && isBefore(right, left)) below += 1;
    const child = heap[below];
    if (child === undefined || !isBefore(child, last)) break;
    heap[index] = child;
    index = below;
  }
  heap[index] = last;
}
