/**
 * One namespace: its classes, the instances by capability, and the lines that could be served now.
 *
 * Invariants:
 * 1. `byCapability` names every instance and every class of the namespace under each capability concerned.
 * 2. The namespace stands in the queue of namespaces exactly while one of its lines is ready.
 */
import { ClassQueue } from './class-queue.ts';
import { FairQueue, type Turn } from './fair-queue.ts';
import { fitOf } from './fit.ts';
import type { IndexedInstance } from './indexed-instance.ts';
import type { Line } from './line.ts';
import { priorities } from './order-key.ts';
import type { StepClass } from './types.ts';
import type { Work } from './work.ts';

interface CapabilityIndex {
  readonly instances: Set<IndexedInstance>;
  readonly classes: Set<ClassQueue>;
}

export class NamespaceQueue implements Turn {
  readonly name: string;
  readonly classes = new Map<string, ClassQueue>();
  turn = 0;
  arrival = 0;
  place = -1;
  private readonly byCapability = new Map<string, CapabilityIndex>();
  private readonly namespaces: FairQueue<NamespaceQueue>;
  private readonly ready: readonly FairQueue<Line>[];
  private readonly work: Work;
  private readyLines = 0;

  constructor(name: string, namespaces: FairQueue<NamespaceQueue>, work: Work) {
    this.name = name;
    this.namespaces = namespaces;
    this.work = work;
    this.ready = priorities.map(() => new FairQueue<Line>(work));
  }

  get isEmpty(): boolean {
    return this.byCapability.size === 0 && this.classes.size === 0;
  }

  classOf(key: string, stepClass: StepClass): ClassQueue {
    const known = this.classes.get(key);
    if (known !== undefined) return known;
    const created = new ClassQueue(key, stepClass, this, this.work);
    this.classes.set(key, created);
    const index = this.indexOf(stepClass.capability);
    index.classes.add(created);
    for (const instance of index.instances) this.match(created, instance);
    return created;
  }

  dropClass(dropped: ClassQueue): void {
    dropped.dropMatches();
    this.classes.delete(dropped.key);
    const { capability } = dropped.demand.class;
    this.byCapability.get(capability)?.classes.delete(dropped);
    this.forget(capability);
  }

  addInstance(instance: IndexedInstance): void {
    for (const name of namesOf(instance)) {
      const index = this.indexOf(name);
      index.instances.add(instance);
      for (const waiting of index.classes) this.match(waiting, instance);
    }
  }

  dropInstance(instance: IndexedInstance): void {
    for (const match of instance.matches) match.class.dropMatch(match);
    for (const name of namesOf(instance)) {
      this.byCapability.get(name)?.instances.delete(instance);
      this.forget(name);
    }
  }

  /** Brings the line in or out of those that could be served now. */
  settle(line: Line): void {
    const queue = this.ready[line.rank];
    const isReady = line.size > 0 && line.class.hasFree && !line.isBlocked;
    if (queue === undefined || isReady === line.place >= 0) return;
    if (isReady) queue.join(line);
    else queue.leave(line);
    this.readyLines += isReady ? 1 : -1;
    if (this.readyLines > 0) this.namespaces.join(this);
    else this.namespaces.leave(this);
  }

  /** Of the priorities, the one whose next step has the lowest order key; within it the line whose turn it is. */
  nextLine(): Line | undefined {
    let next: Line | undefined;
    for (const { first } of this.ready) {
      if (first !== undefined && (next === undefined || first.orderKey < next.orderKey)) next = first;
    }
    return next;
  }

  /** The line had its turn. It weighs as much as it has runs, so that runs are equal across classes too. */
  served(line: Line): void {
    this.ready[line.rank]?.served(line, line.runs);
  }

  private match(waiting: ClassQueue, instance: IndexedInstance): void {
    this.work.steps += 1;
    const fit = fitOf(waiting.demand, instance.offer);
    if (fit.fits) waiting.addMatch(instance, fit.capability);
  }

  private indexOf(capability: string): CapabilityIndex {
    const known = this.byCapability.get(capability);
    if (known !== undefined) return known;
    const created: CapabilityIndex = { instances: new Set(), classes: new Set() };
    this.byCapability.set(capability, created);
    return created;
  }

  private forget(capability: string): void {
    const index = this.byCapability.get(capability);
    if (index?.instances.size === 0 && index.classes.size === 0) this.byCapability.delete(capability);
  }
}

function namesOf(instance: IndexedInstance): ReadonlySet<string> {
  return new Set(instance.offer.capabilities.map((offered) => offered.name));
}
