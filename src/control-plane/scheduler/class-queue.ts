/**
 * One class: its waiting lines, the instances that can take its steps, and which of those are free.
 *
 * Invariants:
 * 1. `matches` holds every instance of the namespace that fits; `free` those of them that can take a step now.
 * 2. A line is ready in the namespace exactly when it has steps, `free` is not empty and it is not blocked.
 * 3. Lines with instances to avoid exist only while steps wait in them.
 */
import { limits } from '../../core/limits.ts';
import { type ClassDemand, demandOf } from './fit.ts';
import type { IndexedInstance } from './indexed-instance.ts';
import { Line } from './line.ts';
import type { NamespaceQueue } from './namespace-queue.ts';
import type { OfferedCapability, StepClass } from './types.ts';
import type { Work } from './work.ts';

/** An instance that fits a class. */
export interface Match {
  readonly class: ClassQueue;
  readonly instance: IndexedInstance;
  readonly capability: OfferedCapability;
  /** Index in `free`; -1 while it is not free. */
  freeAt: number;
  isOpen: boolean;
}

const nobody: readonly string[] = [];

export class ClassQueue {
  readonly key: string;
  readonly demand: ClassDemand;
  readonly namespace: NamespaceQueue;
  readonly work: Work;
  readonly lines = new Map<string, Line>();
  waiting = 0;
  private readonly matches = new Map<string, Match>();
  private readonly free: Match[] = [];
  private open = 0;
  private blocked = 0;
  /** Moves on with each choice, so that equals take turns. */
  private cursor = 0;

  constructor(key: string, stepClass: StepClass, namespace: NamespaceQueue, work: Work) {
    this.key = key;
    this.demand = demandOf(stepClass);
    this.namespace = namespace;
    this.work = work;
  }

  get hasFree(): boolean {
    return this.free.length > 0;
  }

  lineOf(rank: number, avoid: readonly string[]): Line {
    const wish = avoid.length > 1 ? avoid.slice(-limits.avoidMax).sort() : avoid;
    const key = wish.length === 0 ? String(rank) : JSON.stringify([rank, ...wish]);
    const known = this.lines.get(key);
    if (known !== undefined) return known;
    // To avoid is a wish: it is dropped where too many different ones would cost too much.
    if (wish.length > 0 && this.lines.size >= limits.avoidLinesMax) return this.lineOf(rank, nobody);
    const line = new Line(this, key, rank, wish);
    this.lines.set(key, line);
    return line;
  }

  /** Steps were added to or taken from the line. */
  resized(line: Line, by: number): void {
    line.size += by;
    this.waiting += by;
    if (line.size === 0) {
      this.unblock(line);
      if (line.avoid.length > 0) this.lines.delete(line.key);
    }
    this.namespace.settle(line);
  }

  addMatch(instance: IndexedInstance, capability: OfferedCapability): void {
    const match: Match = { class: this, instance, capability, freeAt: -1, isOpen: false };
    this.matches.set(instance.id, match);
    instance.matches.add(match);
    this.refresh(match);
  }

  dropMatch(match: Match): void {
    this.update(match, { isOpen: false, isFree: false });
    this.matches.delete(match.instance.id);
    match.instance.matches.delete(match);
  }

  dropMatches(): void {
    for (const match of this.matches.values()) this.dropMatch(match);
  }

  /** Looks again at what the instance can take. */
  refresh(match: Match): void {
    const { instance, capability } = match;
    this.update(match, { isOpen: instance.isOpen, isFree: instance.canTake(capability) });
  }

  /** The best free instance for a step of the line; undefined blocks the line until something changes. */
  choose(line: Line, now: number): Match | undefined {
    const chosen = this.bestFree(this.avoidNow(line.avoid), now);
    if (chosen !== undefined || line.isBlocked) return chosen;
    line.isBlocked = true;
    this.blocked += 1;
    this.namespace.settle(line);
    return undefined;
  }

  /** Instances to avoid are avoided only while another one gets work at all. */
  avoidNow(avoid: readonly string[]): readonly string[] {
    let others = this.open;
    for (const id of avoid) if (this.matches.get(id)?.isOpen === true) others -= 1;
    return others > 0 ? avoid : nobody;
  }

  private bestFree(avoid: readonly string[], now: number): Match | undefined {
    const { free } = this;
    let best: Match | undefined;
    let bestScore = Number.POSITIVE_INFINITY;
    let compared = 0;
    for (let at = 0; at < free.length && compared < limits.instancesComparedMax; at += 1) {
      const match = free[(this.cursor + at) % free.length];
      this.work.steps += 1;
      if (match === undefined || avoid.includes(match.instance.id)) continue;
      compared += 1;
      const score = match.instance.scoreAt(now);
      if (score >= bestScore) continue;
      best = match;
      bestScore = score;
    }
    this.cursor += 1;
    return best;
  }

  private update(match: Match, to: { readonly isOpen: boolean; readonly isFree: boolean }): void {
    this.work.steps += 1;
    const isOpened = match.isOpen !== to.isOpen;
    const wasFree = match.freeAt >= 0;
    const hadFree = this.hasFree;
    if (isOpened) this.open += to.isOpen ? 1 : -1;
    match.isOpen = to.isOpen;
    if (to.isFree && !wasFree) match.freeAt = this.free.push(match) - 1;
    if (!to.isFree && wasFree) this.takeFromFree(match);
    if (this.blocked > 0 && (isOpened || (to.isFree && !wasFree))) this.unblockAll();
    if (hadFree !== this.hasFree) this.settleAll();
  }

  private takeFromFree(match: Match): void {
    const last = this.free.pop();
    if (last !== undefined && last !== match) {
      this.free[match.freeAt] = last;
      last.freeAt = match.freeAt;
    }
    match.freeAt = -1;
  }

  private settleAll(): void {
    for (const line of this.lines.values()) this.namespace.settle(line);
    this.work.steps += this.lines.size;
  }

  private unblockAll(): void {
    for (const line of this.lines.values()) {
      this.unblock(line);
      this.namespace.settle(line);
    }
    this.work.steps += this.lines.size;
  }

  private unblock(line: Line): void {
    if (!line.isBlocked) return;
    line.isBlocked = false;
    this.blocked -= 1;
  }
}
