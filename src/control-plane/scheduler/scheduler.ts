/**
 * The ready index: which waiting step goes to which instance next. Pure and synchronous; times come in as arguments.
 *
 * namespace (turns) -> priority (lowest order key of the heads) -> line of a class (turns) -> run (turns) -> deque.
 *
 * Invariants:
 * 1. No instance is ever assigned more than its slots, nor more of a capability than its concurrency.
 * 2. Only lines with both a waiting step and a free instance are visited, so an assignment costs the same with one
 *    waiting step and with 100,000.
 * 3. Equal changes in an equal order give equal assignments.
 * 4. A step leaves the index when it is assigned or removed. The caller queues it at most once until then.
 */
import { ChurnMap } from '../../core/churn-map.ts';
import { limits } from '../../core/limits.ts';
import type { ClassQueue, Match } from './class-queue.ts';
import { aheadOf, candidatesOf } from './explain.ts';
import { FairQueue } from './fair-queue.ts';
import { IndexedInstance } from './indexed-instance.ts';
import { KeyGates } from './key-gates.ts';
import type { Line } from './line.ts';
import { NamespaceQueue } from './namespace-queue.ts';
import { isSameShape } from './offer.ts';
import { priorities } from './order-key.ts';
import { RunQueue } from './run-queue.ts';
import type {
  Assignment,
  Candidate,
  Explanation,
  InstanceOffer,
  ReadyStep,
  SchedulerChange,
  SlotUse,
  StepClass,
  WaitingClass,
} from './types.ts';
import type { Work } from './work.ts';

export class Scheduler {
  private readonly work: Work;
  private readonly namespaces = new Map<string, NamespaceQueue>();
  private readonly ready: FairQueue<NamespaceQueue>;
  private readonly instances = new Map<string, IndexedInstance>();
  /** Each run's queues, as a list through `nextOfRun`. */
  private readonly runs = new ChurnMap<RunQueue>();
  /** Classes without a waiting step, the longest idle first. */
  private readonly idle = new Set<ClassQueue>();
  private readonly excluded = new Set<IndexedInstance>();
  private readonly keys = new KeyGates({
    offer: (step, stepClass) => this.enqueue(step, stepClass),
    withdraw: (runId, path) => this.dequeue(runId, path),
  });
  private nearestExpiry = Number.POSITIVE_INFINITY;
  private count = 0;

  /** `work` counts the elementary operations, for tests. */
  constructor(work: Work = { steps: 0 }) {
    this.work = work;
    this.ready = new FairQueue(work);
  }

  /** Changes that name an unknown instance or a step that does not wait change nothing. */
  apply(change: SchedulerChange): void {
    switch (change.type) {
      case 'stepQueued':
        return this.queue(change.step, change.class);
      case 'stepRemoved':
        return this.remove(change.runId, change.path);
      case 'runRemoved':
        return this.removeRun(change.runId);
      case 'instanceChanged':
        return this.changeInstance(change.offer);
      case 'instanceGone':
        return this.dropInstance(change.instanceId);
      case 'slotTaken':
        return this.take(change);
      case 'slotFreed':
        return this.free(change);
      case 'excluded':
        return this.exclude(change);
      default:
        return change satisfies never;
    }
  }

  /** Decides for up to `max` steps and books them: their slots are taken, they no longer wait. */
  assignments(nowMonotonic: number, max: number): Assignment[] {
    this.expireExclusions(nowMonotonic);
    const assigned: Assignment[] = [];
    while (assigned.length < max) {
      const namespace = this.ready.first;
      const line = namespace?.nextLine();
      if (namespace === undefined || line === undefined) break;
      const match = line.class.choose(line, nowMonotonic);
      // Without a match the line was blocked and is no longer ready: the loop ends after every line at the latest.
      const step = match === undefined ? undefined : this.takeFrom(namespace, line);
      if (match === undefined || step === undefined) continue;
      const key = this.keys.assigned(step.runId, step.path, match.instance.id);
      assigned.push(assign(step, match, key));
    }
    return assigned;
  }

  /** Steps that wait. */
  waiting(): number {
    return this.count + this.keys.parked;
  }

  /** Every class in which steps wait. Costs a look at every run; meant for metrics and pages. */
  classes(): readonly WaitingClass[] {
    const waiting: WaitingClass[] = [];
    for (const namespace of this.namespaces.values()) {
      for (const each of namespace.classes.values()) {
        if (each.waiting === 0) continue;
        const { key: classKey, demand, waiting: steps } = each;
        waiting.push({ classKey, class: demand.class, waiting: steps, oldestQueuedAt: oldestOf(each) });
      }
    }
    for (const { step, class: stepClass } of this.keys.parkedSteps())
      waiting.push({ classKey: step.classKey, class: stepClass, waiting: 1, oldestQueuedAt: step.queuedAt });
    return waiting;
  }

  /**
   * Monotonic ms, not before `nowMonotonic`, at which an exclusion ends while steps wait, so that `assignments` may
   * find more then; undefined: time alone changes nothing.
   */
  nextChange(nowMonotonic: number): number | undefined {
    if (this.count === 0 || !Number.isFinite(this.nearestExpiry)) return undefined;
    return Math.max(nowMonotonic, this.nearestExpiry);
  }

  isWaiting(runId: string, path: string): boolean {
    for (let queue = this.runs.get(runId); queue !== undefined; queue = queue.nextOfRun)
      if (queue.find(path) !== undefined) return true;
    return this.keys.isWaiting(runId, path);
  }

  /** Why a waiting step has no instance yet. Costs a look at every step of its class and every instance. */
  explain(runId: string, path: string, nowMonotonic: number): Explanation {
    for (let queue = this.runs.get(runId); queue !== undefined; queue = queue.nextOfRun) {
      const found = queue.find(path);
      if (found === undefined) continue;
      const step = readyStepOf(queue, found.step);
      const stepClass = queue.line.class.demand.class;
      const candidates = this.candidates(stepClass, queue.line.avoid, nowMonotonic);
      return { step, class: stepClass, ahead: aheadOf(queue, found.before, found.step.queuedAt), candidates };
    }
    return this.explainKey(runId, path, nowMonotonic);
  }

  /** A step whose key has no room stands in no queue. */
  private explainKey(runId: string, path: string, nowMonotonic: number): Explanation {
    const wait = this.keys.explain(runId, path);
    if (wait === undefined) return { step: undefined, class: undefined, ahead: -1, candidates: [] };
    const { step, class: stepClass, ahead, name, limit, running } = wait;
    const candidates = this.candidates(stepClass, step.avoid ?? [], nowMonotonic);
    return { step, class: stepClass, ahead, candidates, key: { name, limit, running } };
  }

  /** Every instance of the class's namespace, those that could take it first; also for steps that do not wait here. */
  candidates(stepClass: StepClass, avoid: readonly string[], nowMonotonic: number): readonly Candidate[] {
    return candidatesOf(stepClass, avoid, this.instances.values(), nowMonotonic);
  }

  private take({ instanceId, capability, key }: SlotUse): void {
    const instance = this.instances.get(instanceId);
    if (instance === undefined) return;
    instance.take(capability);
    if (key !== undefined) this.keys.take(instance.offer.namespace, key, instanceId);
  }

  private free({ instanceId, capability, key }: SlotUse): void {
    const instance = this.instances.get(instanceId);
    if (instance === undefined) return;
    instance.release(capability);
    if (key !== undefined) this.keys.free(instance.offer.namespace, key, instanceId);
  }

  private queue(step: ReadyStep, stepClass: StepClass): void {
    if (step.key === undefined) this.enqueue(step, stepClass);
    else this.keys.add(step, stepClass, step.key);
  }

  private enqueue(step: ReadyStep, stepClass: StepClass): void {
    const owner = this.namespaceOf(stepClass.namespace).classOf(step.classKey, stepClass);
    this.idle.delete(owner);
    const line = owner.lineOf(priorities.indexOf(step.priority), step.avoid ?? []);
    const first = this.runs.get(step.runId);
    let queue = first;
    while (queue !== undefined && queue.line !== line) queue = queue.nextOfRun;
    if (queue === undefined) {
      queue = new RunQueue(line, step.runId, step);
      queue.nextOfRun = first;
      this.runs.set(step.runId, queue);
      line.add(queue);
    } else {
      queue.push(step);
    }
    this.resized(line, 1);
  }

  private remove(runId: string, path: string): void {
    if (!this.keys.remove(runId, path)) this.dequeue(runId, path);
  }

  private dequeue(runId: string, path: string): void {
    for (let queue = this.runs.get(runId); queue !== undefined; queue = queue.nextOfRun) {
      if (!queue.remove(path)) continue;
      if (queue.size === 0) this.dropQueue(queue);
      this.resized(queue.line, -1);
      return;
    }
  }

  private removeRun(runId: string): void {
    // Offered steps are in the queues: they go with them, before others of their keys are offered.
    this.dequeueRun(runId);
    this.keys.removeRun(runId);
  }

  private dequeueRun(runId: string): void {
    for (let queue = this.runs.get(runId); queue !== undefined; queue = this.runs.get(runId)) {
      const { size, line } = queue;
      this.dropQueue(queue);
      this.resized(line, -size);
    }
  }

  /** The next step of the line, out of its queue; its turns are counted. */
  private takeFrom(namespace: NamespaceQueue, line: Line): ReadyStep | undefined {
    const queue = line.current;
    const first = queue?.shift();
    if (queue === undefined || first === undefined) return undefined;
    this.ready.served(namespace, 1);
    namespace.served(line);
    if (queue.size === 0) this.dropQueue(queue);
    else line.rotate();
    this.resized(line, -1);
    return readyStepOf(queue, first);
  }

  private resized(line: Line, by: number): void {
    this.count += by;
    line.class.resized(line, by);
    if (line.class.waiting === 0) this.keepIdle(line.class);
  }

  /** An empty class stays for its next step: to build it again would cost a look at every instance. */
  private keepIdle(empty: ClassQueue): void {
    this.idle.add(empty);
    if (this.idle.size <= limits.idleClassesMax) return;
    const [oldest] = this.idle;
    if (oldest === undefined) return;
    this.idle.delete(oldest);
    oldest.namespace.dropClass(oldest);
    this.forgetIfEmpty(oldest.namespace);
  }

  private dropQueue(dropped: RunQueue): void {
    dropped.line.remove(dropped);
    const first = this.runs.get(dropped.runId);
    if (first === dropped) {
      if (dropped.nextOfRun === undefined) this.runs.delete(dropped.runId);
      else this.runs.set(dropped.runId, dropped.nextOfRun);
      return;
    }
    let before = first;
    while (before !== undefined && before.nextOfRun !== dropped) before = before.nextOfRun;
    if (before !== undefined) before.nextOfRun = dropped.nextOfRun;
  }

  private changeInstance(offer: InstanceOffer): void {
    const known = this.instances.get(offer.instanceId);
    if (known !== undefined && isSameShape(known.offer, offer)) {
      known.offer = offer;
      known.refresh();
      return;
    }
    const instance = known ?? new IndexedInstance(offer);
    if (known !== undefined) this.unindex(known);
    instance.offer = offer;
    this.instances.set(instance.id, instance);
    this.namespaceOf(offer.namespace).addInstance(instance);
  }

  private dropInstance(instanceId: string): void {
    const instance = this.instances.get(instanceId);
    if (instance === undefined) return;
    this.instances.delete(instanceId);
    this.excluded.delete(instance);
    this.unindex(instance);
    this.keys.freeAll(instanceId);
  }

  private unindex(instance: IndexedInstance): void {
    const namespace = this.namespaceOf(instance.offer.namespace);
    namespace.dropInstance(instance);
    this.forgetIfEmpty(namespace);
  }

  private exclude(change: Extract<SchedulerChange, { type: 'excluded' }>): void {
    const instance = this.instances.get(change.instanceId);
    if (instance === undefined) return;
    instance.exclude(change.capability, { until: change.until, why: change.why });
    this.excluded.add(instance);
    this.nearestExpiry = Math.min(this.nearestExpiry, change.until);
  }

  private expireExclusions(now: number): void {
    if (now < this.nearestExpiry) return;
    this.nearestExpiry = Number.POSITIVE_INFINITY;
    for (const instance of this.excluded) {
      instance.expireExclusions(now);
      if (instance.exclusions.size === 0) this.excluded.delete(instance);
      for (const { until } of instance.exclusions.values()) this.nearestExpiry = Math.min(this.nearestExpiry, until);
    }
  }

  private namespaceOf(name: string): NamespaceQueue {
    const known = this.namespaces.get(name);
    if (known !== undefined) return known;
    const created = new NamespaceQueue(name, this.ready, this.work);
    this.namespaces.set(name, created);
    return created;
  }

  private forgetIfEmpty(namespace: NamespaceQueue): void {
    if (namespace.isEmpty) this.namespaces.delete(namespace.name);
  }
}

/** `key`: of the step, now taken. */
function assign(step: ReadyStep, match: Match, key: string | undefined): Assignment {
  const { instance, capability } = match;
  instance.take(capability.name);
  return {
    step,
    ...(key === undefined ? {} : { key }),
    capability: capability.name,
    capabilityVersion: capability.version,
    instanceId: instance.id,
    agentId: instance.offer.agentId,
  };
}

function readyStepOf(queue: RunQueue, { path, queuedAt }: { path: string; queuedAt: number }): ReadyStep {
  const { line, runId } = queue;
  const priority = priorities[line.rank] ?? 'normal';
  const step: ReadyStep = { runId, path, classKey: line.class.key, priority, queuedAt };
  return line.avoid.length === 0 ? step : { ...step, avoid: line.avoid };
}

function oldestOf(waiting: ClassQueue): number {
  let oldest = Number.POSITIVE_INFINITY;
  for (const line of waiting.lines.values()) {
    for (const queue of line.queues()) oldest = Math.min(oldest, queue.headQueuedAt);
  }
  return oldest;
}
