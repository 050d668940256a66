/**
 * Concurrency keys: of one key in one namespace so many attempts run at once. A waiting step with a key stands here, and in the
 * queue of its class only while its key has room: who holds the key never holds up a class, and a class without an agent never
 * holds up the key.
 *
 * Invariants:
 * 1. Of every class, the first waiting steps of a key are offered, as many as the key has room for; the others are not.
 * 2. A key is taken and freed with the slot of an attempt, and by the loss of its instance.
 * 3. One assignment costs a look at each class of the key and at so many steps as the key lets run, however many wait.
 */
import { ChurnMap } from '../../core/churn-map.ts';
import { SortedList } from '../../core/sorted-list.ts';
import { orderKeyOf } from './order-key.ts';
import type { KeyWait, ReadyStep, StepClass } from './types.ts';

interface KeyedStep {
  readonly step: ReadyStep;
  readonly class: StepClass;
  readonly gate: Gate;
  readonly key: { readonly name: string; readonly limit: number };
  readonly order: number;
  /** Tells equals apart, in the order in which they came. */
  readonly arrival: number;
  isOffered: boolean;
}

interface Gate {
  readonly id: string;
  running: number;
  /** By class. */
  readonly waiting: Map<string, WaitingSteps>;
}

interface WaitingSteps {
  readonly steps: SortedList<KeyedStep>;
  offered: number;
}

export interface KeyGatesOptions {
  /** Puts a step into the queue of its class. */
  readonly offer: (step: ReadyStep, stepClass: StepClass) => void;
  /** Takes it out again. */
  readonly withdraw: (runId: string, path: string) => void;
}

export class KeyGates {
  private readonly options: KeyGatesOptions;
  private readonly gates = new ChurnMap<Gate>();
  private readonly byRun = new ChurnMap<Map<string, KeyedStep>>();
  /** Ids of the gates that an instance holds, each as often as it does. */
  private readonly held = new ChurnMap<string[]>();
  private arrivals = 0;
  /** Waiting steps that are not offered. */
  parked = 0;

  constructor(options: KeyGatesOptions) {
    this.options = options;
  }

  add(step: ReadyStep, stepClass: StepClass, key: KeyedStep['key']): void {
    const gate = this.gateOf(gateId(stepClass.namespace, key.name));
    this.arrivals += 1;
    const order = orderKeyOf(step.priority, step.queuedAt);
    const keyed: KeyedStep = { step, class: stepClass, gate, key, order, arrival: this.arrivals, isOffered: false };
    const steps = this.byRun.get(step.runId) ?? new Map<string, KeyedStep>();
    this.byRun.set(step.runId, steps);
    steps.set(step.path, keyed);
    const waiting = gate.waiting.get(step.classKey) ?? { steps: new SortedList<KeyedStep>(compare), offered: 0 };
    gate.waiting.set(step.classKey, waiting);
    waiting.steps.add(keyed);
    this.parked += 1;
    this.settle(gate);
  }

  /** The step does not wait any more; false: it has no key. */
  remove(runId: string, path: string): boolean {
    const keyed = this.byRun.get(runId)?.get(path);
    if (keyed === undefined) return false;
    this.drop(keyed);
    if (keyed.isOffered) this.options.withdraw(runId, path);
    this.settle(keyed.gate);
    return true;
  }

  /** For its key, or for an agent with it. */
  isWaiting(runId: string, path: string): boolean {
    return this.byRun.get(runId)?.has(path) === true;
  }

  /** Steps of the run that are offered are taken out by the caller. */
  removeRun(runId: string): void {
    const steps = this.byRun.get(runId);
    if (steps === undefined) return;
    const gates = new Set<Gate>();
    for (const keyed of steps.values()) {
      this.drop(keyed);
      gates.add(keyed.gate);
    }
    for (const gate of gates) this.settle(gate);
  }

  /** An offered step was assigned: its key is taken. Answers the key; undefined: it has none. */
  assigned(runId: string, path: string, instanceId: string): string | undefined {
    const keyed = this.byRun.get(runId)?.get(path);
    if (keyed === undefined) return undefined;
    this.drop(keyed);
    this.take(keyed.class.namespace, keyed.key.name, instanceId);
    return keyed.key.name;
  }

  take(namespace: string, key: string, instanceId: string): void {
    const gate = this.gateOf(gateId(namespace, key));
    gate.running += 1;
    const held = this.held.get(instanceId);
    if (held === undefined) this.held.set(instanceId, [gate.id]);
    else held.push(gate.id);
    this.settle(gate);
  }

  /** A key that the instance does not hold changes nothing. */
  free(namespace: string, key: string, instanceId: string): void {
    const held = this.held.get(instanceId);
    const at = held?.indexOf(gateId(namespace, key)) ?? -1;
    if (held === undefined || at < 0) return;
    this.release(held.splice(at, 1));
    if (held.length === 0) this.held.delete(instanceId);
  }

  /** The instance is gone, and what it held with it. */
  freeAll(instanceId: string): void {
    const held = this.held.get(instanceId) ?? [];
    this.held.delete(instanceId);
    this.release(held);
  }

  /** Why a step waits whose key has no room; undefined: it is offered, or has no key. */
  explain(runId: string, path: string): KeyWait | undefined {
    const keyed = this.byRun.get(runId)?.get(path);
    if (keyed === undefined || keyed.isOffered) return undefined;
    const { step, class: stepClass, gate, key } = keyed;
    let ahead = 0;
    for (const { steps } of gate.waiting.values()) for (const other of steps) if (compare(other, keyed) < 0) ahead += 1;
    return { step, class: stepClass, name: key.name, limit: key.limit, running: gate.running, ahead };
  }

  /** Waiting steps that are not offered, by class. */
  *parkedSteps(): Generator<{ readonly step: ReadyStep; readonly class: StepClass }> {
    for (const gate of this.gates.values())
      for (const { steps } of gate.waiting.values())
        for (const { isOffered, step, class: stepClass } of steps) if (!isOffered) yield { step, class: stepClass };
  }

  private release(ids: readonly string[]): void {
    for (const id of ids) {
      const gate = this.gates.get(id);
      if (gate === undefined) continue;
      gate.running -= 1;
      this.settle(gate);
    }
  }

  /** Brings what is offered in line with the room that there is. */
  private settle(gate: Gate): void {
    for (const waiting of gate.waiting.values()) this.settleClass(gate, waiting);
    if (gate.running === 0 && gate.waiting.size === 0) this.gates.delete(gate.id);
  }

  private settleClass(gate: Gate, waiting: WaitingSteps): void {
    let place = gate.running;
    let offeredLeft = waiting.offered;
    const offers: KeyedStep[] = [];
    const withdrawals: KeyedStep[] = [];
    for (const keyed of waiting.steps) {
      const hasRoom = place < keyed.key.limit;
      if (keyed.isOffered) offeredLeft -= 1;
      if (hasRoom && !keyed.isOffered) offers.push(keyed);
      if (!hasRoom && keyed.isOffered) withdrawals.push(keyed);
      if (!hasRoom && offeredLeft === 0) break;
      place += 1;
    }
    for (const keyed of withdrawals) {
      keyed.isOffered = false;
      waiting.offered -= 1;
      this.parked += 1;
      this.options.withdraw(keyed.step.runId, keyed.step.path);
    }
    for (const keyed of offers) {
      keyed.isOffered = true;
      waiting.offered += 1;
      this.parked -= 1;
      this.options.offer(keyed.step, keyed.class);
    }
  }

  private drop(keyed: KeyedStep): void {
    const { step, gate } = keyed;
    const steps = this.byRun.get(step.runId);
    steps?.delete(step.path);
    if (steps?.size === 0) this.byRun.delete(step.runId);
    const waiting = gate.waiting.get(step.classKey);
    if (waiting?.steps.delete(keyed) === true && keyed.isOffered) waiting.offered -= 1;
    if (waiting?.steps.size === 0) gate.waiting.delete(step.classKey);
    if (!keyed.isOffered) this.parked -= 1;
  }

  private gateOf(id: string): Gate {
    let gate = this.gates.get(id);
    if (gate === undefined) {
      gate = { id, running: 0, waiting: new Map() };
      this.gates.set(id, gate);
    }
    return gate;
  }
}

function gateId(namespace: string, key: string): string {
  return `${namespace}\0${key}`;
}

function compare(left: KeyedStep, right: KeyedStep): number {
  return left.order - right.order || left.arrival - right.arrival;
}
