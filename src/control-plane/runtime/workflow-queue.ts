/**
 * The runs of one workflow in one namespace, over all its versions: which are active, and which wait for their turn. Pure.
 * Run ids begin with the time of their start, so they are the order: nothing else is kept of a run that waits.
 *
 * Invariants: 1. a run stands in one place: it waits, it enters, it is active, or it is a guest in the place of an active one; 2. runs
 * wait by (priority, time of the start); 3. a run that enters was given a place, which counts, and its start is under way.
 */
import { compareText, SortedList } from '../../core/sorted-list.ts';
import type { WorkflowConcurrency } from '../../workflow/compiled.ts';
import type { Priority } from '../../workflow/definition.ts';
import { priorities } from '../scheduler/order-key.ts';

/** Runs that are read and started at once: a limit that is raised must not read 100,000 journals in one turn. */
const ENTERING_MAX = 256;

/** Where a run stands among those that wait. */
export interface QueuePlace {
  /** From 1. */
  readonly position: number;
  readonly waiting: number;
  readonly active: number;
  /** Undefined: there is none any more, and the run is about to start. */
  readonly limit: number | undefined;
}

export class WorkflowQueue {
  readonly namespace: string;
  readonly workflow: string;
  /** Who keeps it looks at it again. */
  isChanged = false;
  /** The oldest first. */
  private readonly activeRuns = new SortedList<string>(compareText);
  /** Active runs that stand in the place of another one, their host, which waits for them: no place is theirs. */
  private readonly hosts = new Map<string, string>();
  private readonly guests = new Map<string, Set<string>>();
  private readonly waitingRuns = priorities.map(() => new SortedList<string>(compareText));
  private readonly entering = new Map<string, Priority>();
  /** Asked to end to make room. */
  private readonly leaving = new Set<string>();

  constructor(namespace: string, workflow: string) {
    this.namespace = namespace;
    this.workflow = workflow;
  }

  /** Places that are taken. */
  get active(): number {
    return this.activeRuns.size + this.entering.size;
  }

  get waiting(): number {
    return this.waitingRuns.reduce((sum, runs) => sum + runs.size, 0);
  }

  get isEmpty(): boolean {
    return this.active === 0 && this.waiting === 0 && this.hosts.size === 0;
  }

  /** A place is its own, or it waits for one. */
  holds(runId: string): boolean {
    return this.activeRuns.has(runId) || this.entering.has(runId) || this.waitingRuns.some((runs) => runs.has(runId));
  }

  /** The run waits; it is put back when it had been given a place. */
  wait(runId: string, priority: Priority): void {
    this.takeOut(runId);
    this.listOf(priority).add(runId);
  }

  /** The run is active, in a place of its own or, as a guest, in that of `host`. */
  start(runId: string, host?: string): void {
    if (host === undefined && this.activeRuns.has(runId)) return;
    this.takeOut(runId);
    if (host === undefined) this.activeRuns.add(runId);
    else this.seat(runId, host);
  }

  /** The run in whose place it stands, itself or another one; undefined: it is not active. */
  hostOf(runId: string): string | undefined {
    return this.activeRuns.has(runId) ? runId : this.hosts.get(runId);
  }

  /** Of a run that is about to go, the oldest first. */
  guestsOf(host: string): readonly string[] {
    return [...(this.guests.get(host) ?? [])].sort(compareText);
  }

  /** Those with places, the oldest first. */
  get holders(): readonly string[] {
    return [...this.activeRuns];
  }

  /** The run is over, or gone. */
  remove(runId: string): void {
    this.leaving.delete(runId);
    this.takeOut(runId);
  }

  /** Gives the next run a place; undefined: none waits, or there is no room. It is put back with `wait`. */
  next(concurrency: WorkflowConcurrency | undefined): string | undefined {
    if (this.entering.size >= ENTERING_MAX) return undefined;
    if (concurrency !== undefined && this.active >= concurrency.limit) return undefined;
    for (const [rank, runs] of this.waitingRuns.entries()) {
      const first = this.firstToStay(runs);
      if (first === undefined) continue;
      runs.delete(first);
      this.entering.set(first, priorities[rank] ?? 'normal');
      return first;
    }
    return undefined;
  }

  isEntering(runId: string): boolean {
    return this.entering.has(runId);
  }

  /** Undefined: it does not enter. */
  priorityOfEntering(runId: string): Priority | undefined {
    return this.entering.get(runId);
  }

  /** It could not be asked to end after all. */
  stay(runId: string): void {
    this.leaving.delete(runId);
  }

  /** The run that enters may become active: what it was promised is still free. */
  mayStart(runId: string, concurrency: WorkflowConcurrency | undefined): boolean {
    return this.entering.has(runId) && (concurrency === undefined || this.activeRuns.size < concurrency.limit);
  }

  /** Of `cancelOldest`: what must end so that the newest runs, as many as may be active, have room; each is named once. */
  inTheWay({ limit }: WorkflowConcurrency): readonly string[] {
    if (this.waiting === 0) return [];
    let excess = this.active + this.waiting - this.leaving.size - limit;
    const named: string[] = [];
    for (const runId of this.oldestFirst()) {
      if (excess <= 0) break;
      if (this.leaving.has(runId)) continue;
      named.push(runId);
      excess -= 1;
    }
    for (const runId of named) this.leaving.add(runId);
    return named;
  }

  /** Undefined: the run does not wait. */
  placeOf(runId: string, priority: Priority, concurrency: WorkflowConcurrency | undefined): QueuePlace | undefined {
    const position = this.positionOf(runId, priority);
    if (position === undefined) return undefined;
    const { waiting, active } = this;
    return {
      position,
      waiting: waiting + this.entering.size,
      active: active - this.entering.size,
      limit: concurrency?.limit,
    };
  }

  private takeOut(runId: string): void {
    if (this.activeRuns.delete(runId) || this.entering.delete(runId) || this.rise(runId)) return;
    for (const runs of this.waitingRuns) if (runs.delete(runId)) return;
  }

  private seat(guest: string, host: string): void {
    this.hosts.set(guest, host);
    const its = this.guests.get(host);
    if (its === undefined) this.guests.set(host, new Set([guest]));
    else its.add(guest);
  }

  /** Answers whether it was a guest. */
  private rise(guest: string): boolean {
    const host = this.hosts.get(guest);
    if (host === undefined) return false;
    this.hosts.delete(guest);
    const its = this.guests.get(host);
    its?.delete(guest);
    if (its?.size === 0) this.guests.delete(host);
    return true;
  }

  /** Those that were asked to end are about to go. */
  private firstToStay(runs: SortedList<string>): string | undefined {
    for (const runId of runs) if (!this.leaving.has(runId)) return runId;
    return undefined;
  }

  private positionOf(runId: string, priority: Priority): number | undefined {
    if (this.entering.has(runId)) return 1;
    const rank = this.listOf(priority).rankOf(runId);
    if (rank < 0) return undefined;
    const above = this.waitingRuns.slice(0, priorities.indexOf(priority)).reduce((sum, runs) => sum + runs.size, 0);
    return this.entering.size + above + rank + 1;
  }

  /** Of all priorities, active ones before those that wait: they were started before. */
  private *oldestFirst(): Generator<string> {
    yield* this.activeRuns;
    yield* [...this.entering.keys()].sort(compareText);
    const heads = this.waitingRuns.map((runs) => runs[Symbol.iterator]());
    const current = heads.map((head) => head.next());
    for (;;) {
      let oldest = -1;
      for (const [i, { value }] of current.entries()) {
        const best = oldest < 0 ? undefined : current[oldest]?.value;
        if (typeof value === 'string' && (typeof best !== 'string' || value < best)) oldest = i;
      }
      const found = current[oldest]?.value;
      const head = heads[oldest];
      if (typeof found !== 'string' || head === undefined) return;
      yield found;
      current[oldest] = head.next();
    }
  }

  private listOf(priority: Priority): SortedList<string> {
    const runs = this.waitingRuns[priorities.indexOf(priority)];
    if (runs === undefined) throw new RangeError(`no queue for priority "${priority}"`);
    return runs;
  }
}
