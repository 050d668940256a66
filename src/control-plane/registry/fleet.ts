/**
 * PURE: the live instances and the rules of losing and finding them (docs/protocol.md, "Losing and finding agents"). Time is
 * handed in as registry time: monotonic milliseconds less our own stalls, so that a stall of ours declares nobody dead.
 *
 * Invariants: 1. the end of an old stream never removes the newer one of the same instance; 2. an instance is in
 * `instances` from its Hello (or from a lease found after a restart) until it is LOST or left with nothing held; 3. whatever
 * must follow outside is an action that is returned, in order.
 */
import { limits, times } from '../../core/limits.ts';
import { Acceptance, isDeaf, NOTHING_MISSED } from './acceptance.ts';
import { AgentLabels, type Labels } from './agent-labels.ts';
import type { BeatFrame, HelloFrame, InstanceState, SessionPeer } from './frames.ts';
import { handOverText, isSucceeded, Places } from './hand-over.ts';
import { createInstance, type HeldAttempt, type Instance } from './instance.ts';
import { LossBudget, LossPace } from './loss-pacing.ts';
import {
  byOperator,
  DepartedCordons,
  drainText,
  isDrained,
  isStanding,
  type Operation,
  type Operator,
  standingOf,
  wouldChange,
} from './operations.ts';

export interface FleetSettings {
  readonly beatIntervalMs: number;
  readonly suspectBeats: number;
  readonly silentBeats: number;
  readonly lossWindowMs: number;
}

/** A newer stream took over; no frame for too long; nothing is accepted; an operator said so. */
export type StreamEnd = 'REPLACED' | 'SILENT' | 'DEAF' | 'DISCONNECTED';

export type FleetAction =
  /** What the instance offers, or whether it accepts work, changed. */
  | { readonly type: 'changed'; readonly instance: Instance }
  /** It left the fleet: its slots are gone. */
  | { readonly type: 'gone'; readonly instance: Instance }
  /** Offer the idempotent among these to others at once. */
  | { readonly type: 'reroute'; readonly instance: Instance; readonly attempts: readonly HeldAttempt[] }
  /** Fence `attempts` and give them to others; the slots of all `freed`, which were fenced before or are now, are free. */
  | {
      readonly type: 'lost';
      readonly instance: Instance;
      readonly attempts: readonly HeldAttempt[];
      readonly freed: readonly HeldAttempt[];
    }
  | { readonly type: 'notAccepted'; readonly instance: Instance; readonly attempt: HeldAttempt }
  | { readonly type: 'endStream'; readonly peer: SessionPeer; readonly why: StreamEnd }
  /** The two sides disagree on what it holds: have it say Hello again, on a new stream. */
  | { readonly type: 'resync'; readonly instance: Instance; readonly message: string }
  /** Nothing is held any more: tell it to go, after all that it has to be told, then `sentAway`. */
  | { readonly type: 'drained'; readonly instance: Instance; readonly message: string }
  /** Nothing is held any more: ask it to go elsewhere, after all that it has to be told. It leaves by itself. */
  | {
      readonly type: 'moveAway';
      readonly instance: Instance;
      readonly message: string;
      readonly addresses: readonly string[];
    }
  /** For people: a transition that does not expire. */
  | { readonly type: 'event'; readonly instance: Instance; readonly kind: string; readonly message: string };

type AgentName = Pick<Instance, 'namespace' | 'agentId'>;

export interface Now {
  /** Registry time. */
  readonly at: number;
  /** Wall ms. */
  readonly wall: number;
}

/** A smaller change of the reported load does not change who is chosen, and is not worth telling anybody. */
const LOAD_STEP = 0.05;

export class Fleet {
  readonly instances = new Map<string, Instance>();
  /** Given by operators. */
  readonly labels = new AgentLabels();
  private readonly settings: FleetSettings;
  private readonly acceptance = new Acceptance();
  private readonly departed = new DepartedCordons();
  private readonly losses = new LossBudget();
  private readonly pace = new LossPace();
  private readonly places = new Places();
  private isClosing = false;

  constructor(settings: FleetSettings) {
    this.settings = settings;
  }

  /** A valid Hello on `peer`. An older stream of the same instance is told to go. */
  hello(
    frame: HelloFrame,
    peer: SessionPeer,
    namespace: string,
    now: Now,
  ): { readonly instance: Instance; readonly actions: readonly FleetAction[] } {
    const actions: FleetAction[] = [];
    const known = this.instances.get(frame.instanceId);
    const instance =
      known ??
      createInstance({ namespace, agentId: frame.agentId, instanceId: frame.instanceId, now: now.at, wall: now.wall });
    const departed = this.departed.take(frame.instanceId);
    instance.cordon ??= departed;
    // Two control planes may send it to each other: it goes to and fro slowly.
    if (departed?.addresses !== undefined) instance.askedToMoveAt = now.at;
    if (instance.peer === undefined) this.losses.joined();
    else actions.push({ type: 'endStream', peer: instance.peer, why: 'REPLACED' });
    this.instances.set(frame.instanceId, instance);
    instance.peer = peer;
    if (instance.place !== frame.place) this.places.leave(instance);
    instance.place = frame.place;
    instance.sdk = frame.sdk;
    instance.state = frame.state;
    instance.operatorLabels = this.labels.of(instance);
    instance.isManual = frame.isManual === true;
    instance.saidGoodbye = false;
    instance.isBehind = false;
    instance.isFilled = false;
    instance.ahead = 0;
    instance.isHeldBack = false;
    instance.moved = 0;
    instance.missed = NOTHING_MISSED;
    instance.sync.begin();
    for (const held of instance.held.values()) held.stopSent = undefined;
    instance.connectedAt = now.wall;
    touch(instance, now);
    instance.status = standingOf(instance);
    if (known === undefined) actions.push(...this.handOver(instance, now));
    else this.places.keep(instance);
    actions.push({ type: 'changed', instance });
    actions.push({
      type: 'event',
      instance,
      kind: known === undefined ? 'CONNECTED' : 'RETURNED',
      message: `from ${peer.remote}`,
    });
    actions.push(...tellRefused(instance));
    return { instance, actions };
  }

  /** A later State; one with an older revision changes nothing. */
  state(instance: Instance, state: InstanceState, now: Now): readonly FleetAction[] {
    touch(instance, now);
    if (state.revision < instance.state.revision) return [];
    const wasDraining = instance.state.draining;
    instance.state = state;
    if (isStanding(instance)) instance.status = standingOf(instance);
    const actions: FleetAction[] = [{ type: 'changed', instance }];
    actions.push(...tellRefused(instance));
    if (state.draining && !wasDraining)
      actions.push({ type: 'event', instance, kind: 'DRAINING', message: 'by the agent' });
    return actions;
  }

  beat(instance: Instance, frame: BeatFrame, now: Now): readonly FleetAction[] {
    const actions = [...this.heard(instance, now), ...judgeHeld(instance, frame, now)];
    const load = Number.isFinite(frame.load) ? Math.min(1, Math.max(0, frame.load)) : 0;
    if (Math.abs(load - instance.load) < LOAD_STEP) return actions;
    instance.load = load;
    return actions.length > 0 ? actions : [{ type: 'changed', instance }];
  }

  /** Any frame is life: a suspect is trusted again. */
  heard(instance: Instance, now: Now): readonly FleetAction[] {
    touch(instance, now);
    if (instance.status !== 'SUSPECT') return [];
    instance.status = standingOf(instance);
    return [{ type: 'changed', instance }];
  }

  /** Its outgoing queue is too full for new work, or has room again. Does nothing when the instance has a newer stream. */
  queueFilled(instance: Instance, peer: SessionPeer, isFull: boolean): readonly FleetAction[] {
    if (instance.peer !== peer || instance.isBehind === isFull) return [];
    instance.isBehind = isFull;
    const message = isFull ? 'it reads too slowly: no new work until it has caught up' : 'it has caught up';
    return [
      { type: 'changed', instance },
      { type: 'event', instance, kind: isFull ? 'BEHIND' : 'CAUGHT_UP', message },
    ];
  }

  goodbye(instance: Instance, reason: string, now: Now): readonly FleetAction[] {
    touch(instance, now);
    instance.saidGoodbye = true;
    instance.status = 'DRAINING';
    return [
      { type: 'changed', instance },
      { type: 'event', instance, kind: 'GOODBYE', message: reason },
    ];
  }

  /** A stream ended. Does nothing when the instance has a newer one. */
  ended(instance: Instance, peer: SessionPeer, why: string, now: Now): readonly FleetAction[] {
    if (instance.peer !== peer) return [];
    instance.peer = undefined;
    if (instance.isManual) touch(instance, now);
    instance.status = 'UNREACHABLE';
    // It is we who go: what they hold goes on, and is theirs when they find us again.
    if (this.isClosing) return [{ type: 'changed', instance }];
    if (instance.saidGoodbye || isDrained(instance)) this.losses.left();
    else instance.isHeldBack = !this.losses.lost(now.at);
    if (isSucceeded(instance)) return this.giveUp(instance);
    if (instance.held.size === 0 && instance.saidGoodbye)
      return this.leave(instance, 'LEFT', 'it said goodbye with nothing open');
    if (isDrained(instance)) return this.leaveDrained(instance);
    const kind = instance.saidGoodbye ? 'LEFT_WITH_WORK' : 'UNREACHABLE';
    const message = instance.isHeldBack ? `${why}; with too many others: what it holds waits for it` : why;
    const actions: FleetAction[] = [
      { type: 'changed', instance },
      { type: 'event', instance, kind, message },
    ];
    if (!instance.isHeldBack) actions.push({ type: 'reroute', instance, attempts: liveOf(instance) });
    return actions;
  }

  /** Every stream will end because the control plane stops: nothing follows from that. */
  close(): void {
    this.isClosing = true;
  }

  /** What an operator asks for. Nothing follows when it is so already. */
  operate(operation: Operation, instance: Instance, operator: Operator, now: Now): readonly FleetAction[] {
    if (!wouldChange(operation, instance, operator.addresses)) return [];
    const { peer } = instance;
    const by = byOperator(operator);
    if (operation === 'disconnect') {
      if (peer === undefined) return [];
      return [
        ...this.ended(instance, peer, `disconnected ${by}`, now),
        { type: 'endStream', peer, why: 'DISCONNECTED' },
      ];
    }
    const isDrain = operation === 'drain';
    instance.askedToMoveAt = Number.NEGATIVE_INFINITY;
    instance.cordon = operation === 'uncordon' ? undefined : { ...operator, at: now.wall, isDrain };
    const kind = isDrain ? 'DRAINING' : operation === 'cordon' ? 'CORDONED' : 'UNCORDONED';
    const event: FleetAction = { type: 'event', instance, kind, message: by };
    if (instance.status === 'LOST') {
      this.departed.take(instance.instanceId);
      return [event];
    }
    if (isStanding(instance)) instance.status = standingOf(instance);
    return [event, { type: 'changed', instance }];
  }

  /** What operators say of an agent from now on is `labels`, all of them. */
  label(agent: AgentName, labels: Labels, operator: Operator): readonly FleetAction[] {
    this.labels.put(agent, labels);
    const { namespace, agentId } = agent;
    const instances = [...this.instances.values()].filter((it) => it.agentId === agentId && it.namespace === namespace);
    return instances.flatMap((instance): readonly FleetAction[] => {
      instance.operatorLabels = labels;
      const event = { type: 'event', instance, kind: 'LABELLED', message: byOperator(operator) } as const;
      return [event, { type: 'changed', instance }];
    });
  }

  /** A drained instance was told to go. */
  sentAway(instance: Instance): readonly FleetAction[] {
    if (instance.peer !== undefined) this.losses.left();
    instance.peer = undefined;
    return this.leaveDrained(instance);
  }

  /** Judges drains, silence and windows. Call it often (4 times a second); it costs a look per instance. */
  tick(now: Now): readonly FleetAction[] {
    const actions: FleetAction[] = [];
    this.judgeAcceptance(now, actions);
    for (const instance of this.instances.values()) {
      if (isDrained(instance)) this.judgeDrained(instance, now, actions);
      else if (instance.peer !== undefined) this.judgeSilence(instance, now, actions);
      else this.judgeWindow(instance, now.at, actions);
    }
    return actions;
  }

  /** An attempt was handed to the instance, or is sent again. `acceptUntil` 0: it needs no acceptance (it was found held). */
  hold(instance: Instance, attempt: HeldAttempt): void {
    instance.held.set(attempt.attemptId, attempt);
    if (attempt.acceptUntil > 0) this.acceptance.expect(instance, attempt);
  }

  /** A lease found after a restart: its instance gets one window, from now, to come back. */
  holdRecovered(identity: Parameters<typeof createInstance>[0], attempt: HeldAttempt): void {
    const instance = this.instances.get(identity.instanceId) ?? createInstance(identity);
    this.instances.set(identity.instanceId, instance);
    instance.held.set(attempt.attemptId, attempt);
  }

  private judgeAcceptance(now: Now, actions: FleetAction[]): void {
    for (let due = this.acceptance.takeDue(now.at); due !== undefined; due = this.acceptance.takeDue(now.at)) {
      const { instance } = due;
      const { peer } = instance;
      actions.push({ type: 'notAccepted', ...due });
      if (peer === undefined || !isDeaf(instance)) continue;
      actions.push(...this.ended(instance, peer, `accepted nothing, ${instance.missed.count} times in a row`, now));
      actions.push({ type: 'endStream', peer, why: 'DEAF' });
    }
  }

  /** Whoever was at the place of a new start before, and is silent, is over; one that is not is looked at when it ends. */
  private handOver(instance: Instance, now: Now): readonly FleetAction[] {
    const older = this.places.take(instance);
    if (older === undefined) return [];
    older.succeeded = { instanceId: instance.instanceId, at: now.at };
    if (older.peer !== undefined && older.status !== 'SUSPECT') return [];
    const { peer } = older;
    if (peer !== undefined) this.losses.left();
    older.peer = undefined;
    const actions = [...this.giveUp(older)];
    if (peer !== undefined) actions.push({ type: 'endStream', peer, why: 'REPLACED' });
    return actions;
  }

  /** All that it holds goes to others now. */
  private giveUp(instance: Instance): readonly FleetAction[] {
    const freed = instance.held.values();
    for (const { attemptId } of freed) instance.held.delete(attemptId);
    const attempts = freed.filter(({ isFenced }) => !isFenced);
    return [{ type: 'lost', instance, attempts, freed }, ...this.leave(instance, 'REPLACED', handOverText(instance))];
  }

  private judgeSilence(instance: Instance, now: Now, actions: FleetAction[]): void {
    if (instance.isManual) return;
    const silentMs = now.at - instance.lastFrameAt;
    const { beatIntervalMs, suspectBeats, silentBeats } = this.settings;
    if (silentMs >= beatIntervalMs * silentBeats) {
      const peer = instance.peer;
      if (peer === undefined) return;
      actions.push(...this.ended(instance, peer, `silent for ${Math.round(silentMs)} ms`, now));
      actions.push({ type: 'endStream', peer, why: 'SILENT' });
    } else if (silentMs >= beatIntervalMs * suspectBeats && instance.status !== 'SUSPECT') {
      instance.status = 'SUSPECT';
      actions.push({ type: 'changed', instance });
    }
  }

  private judgeWindow(instance: Instance, at: number, actions: FleetAction[]): void {
    const awayMs = at - instance.lastFrameAt;
    const over = instance.held.values().filter((attempt) => awayMs >= this.windowOf(attempt));
    const lost = this.pace.take(over, at, () => this.inFlight());
    const isOver = awayMs >= this.settings.lossWindowMs && lost.length === instance.held.size;
    for (const attempt of lost) instance.held.delete(attempt.attemptId);
    const live = lost.filter((attempt) => !attempt.isFenced);
    instance.moved += live.length;
    if (lost.length > 0) actions.push({ type: 'lost', instance, attempts: live, freed: lost });
    if (isOver)
      actions.push(
        ...this.leave(instance, 'LOST', `not back after ${Math.round(awayMs)} ms, ${instance.moved} attempts moved`),
      );
  }

  private judgeDrained(instance: Instance, now: Now, actions: FleetAction[]): void {
    const { addresses = [] } = instance.cordon ?? {};
    if (instance.peer === undefined) actions.push(...this.leaveDrained(instance));
    else if (addresses.length === 0) actions.push({ type: 'drained', instance, message: drainText(instance) });
    else if (now.at - instance.askedToMoveAt < times.moveAgainMs) this.judgeSilence(instance, now, actions);
    else {
      instance.askedToMoveAt = now.at;
      actions.push({ type: 'moveAway', instance, message: drainText(instance), addresses });
    }
  }

  private leaveDrained(instance: Instance): readonly FleetAction[] {
    return this.leave(instance, 'DRAINED', drainText(instance));
  }

  private inFlight(): number {
    let count = 0;
    for (const { held } of this.instances.values()) count += held.size;
    return count;
  }

  private windowOf(attempt: HeldAttempt): number {
    return attempt.lossWindowMs === 0 ? this.settings.lossWindowMs : attempt.lossWindowMs;
  }

  private leave(instance: Instance, kind: string, message: string): readonly FleetAction[] {
    this.instances.delete(instance.instanceId);
    this.places.leave(instance);
    instance.status = 'LOST';
    if (instance.cordon !== undefined) this.departed.keep(instance.instanceId, instance.cordon);
    return [
      { type: 'event', instance, kind, message },
      { type: 'gone', instance },
    ];
  }
}

function tellRefused(instance: Instance): readonly FleetAction[] {
  const { refused = [] } = instance.state;
  if (refused.length === 0) return [];
  const message = refused.map(({ name, version, reason }) => `${name}@${version}: ${reason}`).join('; ');
  return [{ type: 'event', instance, kind: 'REFUSED', message: message.slice(0, limits.errorMessageCharsMax) }];
}

function judgeHeld(instance: Instance, frame: BeatFrame, now: Now): readonly FleetAction[] {
  const ours = instance.sync.judge(frame, instance.held.values(), now.at);
  if (ours === undefined) return [];
  const theirs = frame.holds?.count;
  const message = `it holds ${theirs} attempts where ${ours.count} are expected${theirs === ours.count ? ', not the same' : ''}`;
  return [
    { type: 'event', instance, kind: 'RESYNC', message },
    { type: 'resync', instance, message },
  ];
}

function touch(instance: Instance, now: Now): void {
  instance.lastFrameAt = now.at;
  instance.lastSeenAt = now.wall;
}

function liveOf(instance: Instance): readonly HeldAttempt[] {
  return instance.held.values().filter((attempt) => !attempt.isFenced);
}
