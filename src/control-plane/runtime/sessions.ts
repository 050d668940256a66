/**
 * The agent streams: one receiver per stream turns frames into commands and fleet changes. A bad frame ends its stream and
 * nothing else.
 */
import type { Clock } from '../../core/clock.ts';
import { YardmasterError } from '../../core/errors.ts';
import { NAME_PATTERN } from '../../core/ids.ts';
import { limits, times } from '../../core/limits.ts';
import type { Logger } from '../../core/logger.ts';
import type { Fleet, FleetAction, Now } from '../registry/fleet.ts';
import type { AgentFrame, HelloFrame, InstanceState, SessionPeer, SessionReceiver } from '../registry/frames.ts';
import type { Instance } from '../registry/instance.ts';
import type { Outbox } from './outbox.ts';
import type { Reports } from './reports.ts';
import type { Returns } from './returns.ts';

export const PROTOCOL_VERSION = 1;

export interface SessionsOptions {
  readonly node: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly fleet: Fleet;
  readonly outbox: Outbox;
  readonly reports: Reports;
  readonly returns: Returns;
  readonly beatIntervalMs: number;
  readonly silenceMs: number;
  readonly lossWindowMs: number;
  /** Where agents go when this control plane stops, as `host:port`; empty: to the same address. */
  readonly goAwayAddresses: readonly string[];
  readonly now: () => Now;
  readonly apply: (actions: readonly FleetAction[]) => void;
  /** The connection of the instance has taken most of what was sent. */
  readonly onRoom: (instance: Instance) => void;
  readonly isStopping: () => boolean;
}

export class Sessions {
  private readonly options: SessionsOptions;
  private readonly open = new Set<Session>();
  private moving = false;
  private onLeft: ((session: Session) => void) | undefined;

  constructor(options: SessionsOptions) {
    this.options = options;
  }

  accept(peer: SessionPeer): SessionReceiver {
    const session: Session = new Session(this.options, peer, () => this.closed(session));
    this.open.add(session);
    return session;
  }

  /** True from `goAway` on, when agents were sent to another address: they say Hello there before they leave here. */
  get isMoving(): boolean {
    return this.moving;
  }

  /** Tells every agent to come back later, or to go elsewhere; what they hold goes on. Resolves when their streams have ended. */
  goAway(): Promise<void> {
    const { fleet, goAwayAddresses: addresses } = this.options;
    fleet.close();
    this.moving = addresses.length > 0;
    const message = this.moving
      ? 'the control plane stops; others are at the addresses'
      : 'the control plane restarts; come back';
    for (const { peer } of this.open) peer.send({ type: 'goAway', reason: 'SHUTDOWN', message, addresses });
    const staying = [...this.open].filter((session) => !this.moving || !session.mayMove);
    for (const { peer } of staying) peer.end();
    return this.left(staying);
  }

  /** Nobody opens a stream any more: Hello is refused. Those in `ended` have their end already, and are not waited for. */
  private async left(ended: readonly Session[]): Promise<void> {
    const moving = new Set(this.open);
    for (const session of ended) moving.delete(session);
    if (moving.size === 0) return;
    await new Promise<void>((resolve) => {
      const cancel = this.options.clock.timer(times.moveMs, resolve);
      this.onLeft = (session) => {
        moving.delete(session);
        if (moving.size > 0) return;
        cancel();
        resolve();
      };
    });
    for (const { peer } of this.open) peer.end();
  }

  private closed(session: Session): void {
    this.open.delete(session);
    this.onLeft?.(session);
  }
}

class Session implements SessionReceiver {
  private readonly options: SessionsOptions;
  readonly peer: SessionPeer;
  private readonly onClosed: () => void;
  private instance: Instance | undefined = undefined;
  private isOver = false;

  constructor(options: SessionsOptions, peer: SessionPeer, onClosed: () => void) {
    this.options = options;
    this.peer = peer;
    this.onClosed = onClosed;
  }

  /** A program is at the other end, and was there a moment ago: it will do what a GoAway says. A person will not, nor who said no Hello. */
  get mayMove(): boolean {
    const { instance } = this;
    return instance?.peer === this.peer && !instance.isManual && instance.status !== 'SUSPECT';
  }

  frame(frame: AgentFrame): void {
    if (this.isOver) return;
    try {
      this.handle(frame);
    } catch (error) {
      this.options.logger.error('a session failed and is closed', { agent: this.instance?.agentId, error });
      this.refuse('INTERNAL', 'the session failed inside the control plane', 'connect again');
    }
  }

  queueFilled(isFull: boolean): void {
    const { instance } = this;
    if (this.isOver || instance === undefined) return;
    this.options.apply(this.options.fleet.queueFilled(instance, this.peer, isFull));
  }

  hasRoom(): void {
    const { instance } = this;
    if (!this.isOver && instance?.peer === this.peer) this.options.onRoom(instance);
  }

  malformed(error: Error): void {
    if (this.isOver) return;
    this.finish(error);
  }

  ended(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.closed('the stream ended without Goodbye');
  }

  private handle(frame: AgentFrame): void {
    if (frame.type === 'hello') return this.hello(frame);
    const { instance } = this;
    if (instance === undefined) {
      return this.refuse(
        'HELLO_FIRST',
        `Cannot take a ${frame.type} frame: Hello must be the first`,
        'send Hello as the first frame',
      );
    }
    if (instance.peer !== this.peer) return;
    const { fleet, outbox, now, apply } = this.options;
    switch (frame.type) {
      case 'state':
        return this.state(instance, frame.state);
      case 'beat':
        apply(fleet.beat(instance, frame, now()));
        return outbox.ackBeat(instance, frame.number);
      case 'report':
        apply(fleet.heard(instance, now()));
        return this.options.reports.take(instance, frame);
      case 'goodbye':
        apply(fleet.goodbye(instance, frame.reason, now()));
        return this.finish(undefined);
    }
  }

  private state(instance: Instance, state: InstanceState): void {
    const problem = checkState(state);
    if (problem !== undefined) return this.refuse('STATE_INVALID', problem, 'send a State within the limits');
    this.options.apply(this.options.fleet.state(instance, state, this.options.now()));
    this.options.outbox.ackState(instance, state.revision);
  }

  private hello(frame: HelloFrame): void {
    if (this.instance !== undefined)
      return this.refuse(
        'HELLO_TWICE',
        'Cannot take a second Hello on one stream',
        'send State to change what is offered',
      );
    const problem = checkHello(frame);
    if (problem !== undefined) return this.refuse(problem.code, problem.message, problem.next);
    if (this.options.isStopping())
      return this.refuse(
        'SHUTTING_DOWN',
        'Cannot open a session: the control plane is stopping',
        'connect again in a second',
      );
    const known = this.options.fleet.instances.get(frame.instanceId);
    if (known !== undefined && known.agentId !== frame.agentId)
      return this.refuse(
        'HELLO_INVALID',
        `Cannot register instance "${frame.instanceId}" for agent "${frame.agentId}": it belongs to "${known.agentId}"`,
        'make a new random instance_id for every process',
      );
    const { node, fleet, now, apply, beatIntervalMs, silenceMs, lossWindowMs, clock } = this.options;
    const { instance, actions } = fleet.hello(frame, this.peer, 'default', now());
    this.instance = instance;
    this.peer.send({
      type: 'welcome',
      node,
      protocolVersion: PROTOCOL_VERSION,
      ...(instance.isManual
        ? { beatIntervalMs: 0, silenceLimitMs: 0, acceptDeadlineMs: 0 }
        : { beatIntervalMs, silenceLimitMs: silenceMs, acceptDeadlineMs: times.acceptMs }),
      lossWindowMs,
      serverTime: clock.now(),
    });
    // The scheduler has to know the instance before its slots are counted.
    apply(actions);
    this.options.returns.reconcile(instance, frame.held);
    this.options.onRoom(instance);
    if (frame.state.refused !== undefined) this.options.outbox.ackState(instance, frame.state.revision);
  }

  private refuse(code: string, message: string, next: string): void {
    this.finish(new YardmasterError(code, message, { next }));
  }

  private finish(error: Error | undefined): void {
    if (this.isOver) return;
    this.isOver = true;
    this.peer.end(error);
    this.closed(error === undefined ? 'the agent said goodbye' : error.message);
  }

  private closed(why: string): void {
    this.onClosed();
    const { apply, fleet, now } = this.options;
    if (this.instance !== undefined) apply(fleet.ended(this.instance, this.peer, why, now()));
  }
}

interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly next: string;
}

function checkHello(frame: HelloFrame): Refusal | undefined {
  if (frame.protocolVersion !== PROTOCOL_VERSION) {
    return {
      code: 'PROTOCOL_UNSUPPORTED',
      message: `Cannot talk protocol ${frame.protocolVersion}: this control plane talks ${PROTOCOL_VERSION}`,
      next: `set protocol_version to ${PROTOCOL_VERSION}`,
    };
  }
  const invalid = (message: string): Refusal => ({
    code: 'HELLO_INVALID',
    message,
    next: 'see docs/protocol.md, "Hello"',
  });
  if (!NAME_PATTERN.test(frame.agentId))
    return invalid(`Cannot register agent "${frame.agentId.slice(0, 80)}": agent_id must match ${NAME_PATTERN.source}`);
  if (!NAME_PATTERN.test(frame.instanceId))
    return invalid(`Cannot register an instance: instance_id must match ${NAME_PATTERN.source}`);
  if (frame.held.length > limits.heldMax)
    return invalid(`Cannot take ${frame.held.length} held attempts: at most ${limits.heldMax}`);
  const problem = checkState(frame.state);
  return problem === undefined ? undefined : invalid(problem);
}

function checkState(state: InstanceState): string | undefined {
  if (state.slots > limits.slotsMax) return `Cannot take ${state.slots} slots: at most ${limits.slotsMax}`;
  if (state.capabilities.length > limits.capabilitiesMax)
    return `Cannot take ${state.capabilities.length} capabilities: at most ${limits.capabilitiesMax}`;
  const seen = new Set<string>();
  for (const { name } of state.capabilities) {
    if (!NAME_PATTERN.test(name))
      return `Cannot offer capability "${name.slice(0, 80)}": its name must match ${NAME_PATTERN.source}`;
    if (seen.has(name)) return `Cannot offer capability "${name}" twice`;
    seen.add(name);
  }
  return undefined;
}
