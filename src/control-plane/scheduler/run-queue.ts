/**
 * The waiting steps of one run in one line: a deque in two parallel arrays, because 100,000 steps wait at once and an
 * object or a map entry for each would cost several times as much (16 bytes a step here).
 *
 * Invariants:
 * 1. `paths[head]` is a waiting step while `size > 0`. Entries before it, and holes, are garbage.
 * 2. Garbage never exceeds the waiting steps by more than `garbageMin`.
 * 3. `places`, while it exists, holds exactly the waiting steps.
 */
import type { Line } from './line.ts';
import type { Work } from './work.ts';

const garbageMin = 16;
/** Up to here a removal searches; beyond it builds a map, so that ending a wide run is not quadratic. */
const searchMax = 64;

export interface QueuedStep {
  readonly path: string;
  readonly queuedAt: number;
}

export class RunQueue {
  readonly runId: string;
  readonly line: Line;
  /** Waiting steps. */
  size = 1;
  /** The ring of the line. */
  next: RunQueue = this;
  previous: RunQueue = this;
  /** The queues of this run in other lines. */
  nextOfRun: RunQueue | undefined = undefined;
  private readonly work: Work;
  private paths: (string | undefined)[];
  private times: number[];
  private head = 0;
  private places: Map<string, number> | undefined = undefined;

  constructor(line: Line, runId: string, step: QueuedStep) {
    this.line = line;
    this.work = line.class.work;
    this.runId = runId;
    // Literals of one, not an empty array and a push, which reserves 17 places: many runs have one step waiting.
    this.paths = [step.path];
    this.times = [step.queuedAt];
  }

  /** Since when the first step waits, wall ms. */
  get headQueuedAt(): number {
    return this.times[this.head] ?? 0;
  }

  push(step: QueuedStep): void {
    this.places?.set(step.path, this.paths.length);
    this.paths.push(step.path);
    this.times.push(step.queuedAt);
    this.size += 1;
  }

  /** Takes the first step out; undefined when there is none. */
  shift(): QueuedStep | undefined {
    const path = this.paths[this.head];
    if (path === undefined) return undefined;
    const queuedAt = this.headQueuedAt;
    this.clear(path, this.head);
    return { path, queuedAt };
  }

  /** Says whether the step was waiting here. */
  remove(path: string): boolean {
    const at = this.placeOf(path);
    if (at === undefined) return false;
    this.clear(path, at);
    return true;
  }

  /** The step and how many of the run go before it; a linear search, for `explain`. */
  find(path: string): { readonly step: QueuedStep; readonly before: number } | undefined {
    let before = 0;
    for (let at = this.head; at < this.paths.length; at += 1) {
      const queuedAt = this.times[at] ?? 0;
      if (this.paths[at] === path) return { step: { path, queuedAt }, before };
      if (this.paths[at] !== undefined) before += 1;
    }
    return undefined;
  }

  /** Waiting steps that were queued before `time`. */
  countBefore(time: number): number {
    let count = 0;
    for (let at = this.head; at < this.paths.length; at += 1) {
      if (this.paths[at] !== undefined && (this.times[at] ?? 0) < time) count += 1;
    }
    return count;
  }

  private placeOf(path: string): number | undefined {
    if (this.places === undefined && this.size > searchMax) this.places = this.buildPlaces();
    if (this.places !== undefined) return this.places.get(path);
    const at = this.paths.indexOf(path, this.head);
    return at < 0 ? undefined : at;
  }

  private buildPlaces(): Map<string, number> {
    const places = new Map<string, number>();
    this.paths.forEach((path, at) => {
      if (path !== undefined) places.set(path, at);
    });
    this.work.steps += this.paths.length;
    return places;
  }

  private clear(path: string, at: number): void {
    this.paths[at] = undefined;
    this.places?.delete(path);
    this.size -= 1;
    this.work.steps += 1;
    while (this.head < this.paths.length && this.paths[this.head] === undefined) this.head += 1;
    if (this.size > 0 && this.paths.length - this.size > this.size + garbageMin) this.compact();
  }

  private compact(): void {
    const { paths, times } = this;
    this.work.steps += paths.length - this.head;
    this.times = times.filter((_, at) => paths[at] !== undefined);
    this.paths = paths.filter((path) => path !== undefined);
    this.head = 0;
    this.places = undefined;
  }
}
