/**
 * Who goes next among members that take turns: start-time fair queueing over a binary heap. It is the deficit round
 * robin of the design in a form that keeps everybody's place while members come and go all the time (a class without a
 * free slot leaves, and must not lose its turn by it).
 *
 * Invariants:
 * 1. The first member has the lowest (turn, arrival).
 * 2. A member of weight w moves back by 1/w when it is served: while all stay, it gets w parts of all turns.
 * 3. A member that was away comes back at the present turn: it neither saves up turns nor loses one that it is owed.
 */
import type { Work } from './work.ts';

/** State that the queue keeps in its member. A member belongs to one queue for life. */
export interface Turn {
  turn: number;
  arrival: number;
  /** Index in the heap; -1 while outside. */
  place: number;
}

export class FairQueue<T extends Turn> {
  private readonly heap: T[] = [];
  private readonly work: Work;
  private present = 0;
  private arrivals = 0;

  constructor(work: Work) {
    this.work = work;
  }

  get first(): T | undefined {
    return this.heap[0];
  }

  /** Adds a member; nothing happens when it is in already. */
  join(member: T): void {
    if (member.place >= 0) return;
    member.turn = Math.max(member.turn, this.present);
    member.arrival = ++this.arrivals;
    this.put(member, this.heap.length);
    this.rise(member);
  }

  /** Takes a member out; nothing happens when it is not in. */
  leave(member: T): void {
    const { place } = member;
    if (place < 0) return;
    member.place = -1;
    const last = this.heap.pop();
    if (last === undefined || last === member) return;
    this.put(last, place);
    this.rise(last);
    this.sink(last);
  }

  /** A member that is in has had its turn. */
  served(member: T, weight: number): void {
    this.present = member.turn;
    member.turn += 1 / weight;
    member.arrival = ++this.arrivals;
    this.sink(member);
  }

  private rise(member: T): void {
    while (member.place > 0) {
      const parent = this.heap[(member.place - 1) >> 1];
      if (parent === undefined || isBefore(parent, member)) return;
      this.swap(parent, member);
    }
  }

  private sink(member: T): void {
    for (;;) {
      const left = this.heap[2 * member.place + 1];
      if (left === undefined) return;
      const right = this.heap[2 * member.place + 2];
      const child = right !== undefined && isBefore(right, left) ? right : left;
      if (isBefore(member, child)) return;
      this.swap(member, child);
    }
  }

  /** `upper` is the parent of `lower`. */
  private swap(upper: T, lower: T): void {
    const place = lower.place;
    this.put(lower, upper.place);
    this.put(upper, place);
  }

  private put(member: T, place: number): void {
    this.work.steps += 1;
    this.heap[place] = member;
    member.place = place;
  }
}

function isBefore(a: Turn, b: Turn): boolean {
  return a.turn < b.turn || (a.turn === b.turn && a.arrival < b.arrival);
}
