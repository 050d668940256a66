/**
 * One instance as the index sees it: its offer, what it is busy with, what is kept away from it.
 *
 * Invariants:
 * 1. Only `take` and `release` change the counts; a new offer never does, so a smaller one is simply used up.
 * 2. After every change the matches concerned were refreshed in their classes.
 */
import type { Match } from './class-queue.ts';
import type { InstanceOffer, OfferedCapability } from './types.ts';

/** So long after an exclusion ended an instance comes after its equals. */
const recoveryMs = 60_000;
/** Reported load lags behind our own count of slots, so it counts half. */
const loadWeight = 0.5;
/** A recovering instance is chosen when the others are as good as full. */
const recoveryWeight = 1;

export interface Exclusion {
  /** Monotonic ms. */
  readonly until: number;
  readonly why: string;
}

export class IndexedInstance {
  offer: InstanceOffer;
  used = 0;
  readonly matches = new Set<Match>();
  /** By capability; '' is all of them. */
  readonly exclusions = new Map<string, Exclusion>();
  private readonly usedOf = new Map<string, number>();
  private recoversAt = Number.NEGATIVE_INFINITY;

  constructor(offer: InstanceOffer) {
    this.offer = offer;
  }

  get id(): string {
    return this.offer.instanceId;
  }

  /** Gets new attempts at all; with 0 slots it is paused. */
  get isOpen(): boolean {
    return this.offer.accepts && this.offer.slots > 0;
  }

  get isFull(): boolean {
    return this.used >= this.offer.slots;
  }

  /** Attempts of one capability that it is busy with. */
  usedFor(capability: string): number {
    return this.usedOf.get(capability) ?? 0;
  }

  isAtLimit(capability: OfferedCapability): boolean {
    return capability.concurrency > 0 && this.usedFor(capability.name) >= capability.concurrency;
  }

  exclusionOf(capability: string): Exclusion | undefined {
    return this.exclusions.get('') ?? this.exclusions.get(capability);
  }

  canTake(capability: OfferedCapability): boolean {
    return (
      this.isOpen && !this.isFull && !this.isAtLimit(capability) && this.exclusionOf(capability.name) === undefined
    );
  }

  /** How bad a choice it is; lower is better. */
  scoreAt(now: number): number {
    const { slots, load } = this.offer;
    const reported = load > 0 ? Math.min(load, 1) : 0;
    return this.used / Math.max(slots, 1) + loadWeight * reported + (now < this.recoversAt ? recoveryWeight : 0);
  }

  take(capability: string): void {
    const wasFull = this.isFull;
    this.used += 1;
    this.usedOf.set(capability, this.usedFor(capability) + 1);
    this.refreshAfterCount(capability, wasFull);
  }

  /** More releases than takes change nothing: a slot is never counted below zero. */
  release(capability: string): void {
    const used = this.usedFor(capability);
    if (used === 0) return;
    const wasFull = this.isFull;
    this.used -= 1;
    if (used === 1) this.usedOf.delete(capability);
    else this.usedOf.set(capability, used - 1);
    this.refreshAfterCount(capability, wasFull);
  }

  /** The later end counts when there is one already. */
  exclude(capability: string, exclusion: Exclusion): void {
    const present = this.exclusions.get(capability);
    if (present !== undefined && present.until >= exclusion.until) return;
    this.exclusions.set(capability, exclusion);
    this.recoversAt = Math.max(this.recoversAt, exclusion.until + recoveryMs);
    this.refresh();
  }

  expireExclusions(now: number): void {
    for (const [capability, { until }] of this.exclusions) {
      if (until <= now) this.exclusions.delete(capability);
    }
    this.refresh();
  }

  refresh(): void {
    for (const match of this.matches) match.class.refresh(match);
  }

  private refreshAfterCount(capability: string, wasFull: boolean): void {
    if (wasFull !== this.isFull) {
      this.refresh();
      return;
    }
    for (const match of this.matches) {
      if (match.capability.name === capability && match.capability.concurrency > 0) match.class.refresh(match);
    }
  }
}
