/** A listener on a real port with a scripted control plane behind it, and clients for it. */

import type { ClientDuplexStream, StatusObject } from '@grpc/grpc-js';
import { createAgentService } from '../../../src/control-plane/api/agent-service.ts';
import type { AgentFrame, SessionPeer, SessionReceiver } from '../../../src/control-plane/registry/frames.ts';
import type { BoundService } from '../../../src/control-plane/transport/grpc-adapter.ts';
import { Listener, type ListenerOptions } from '../../../src/control-plane/transport/listener.ts';
import type { CancelTimer, Clock } from '../../../src/core/clock.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { noMetrics } from '../../../src/core/metrics.ts';
import { Dialer } from './dialer.ts';

export { failureOf, pathOf, problemsOf, reasonOf } from './dialer.ts';

/** Turns are real; timers fire only when the test says so. */
export class HandClock implements Clock {
  private time = 1_700_000_000_000;
  private readonly timers = new Set<{ readonly at: number; readonly fn: () => void }>();
  readonly turn = systemClock.turn;

  now(): number {
    return this.time;
  }

  monotonic(): number {
    return this.time;
  }

  timer(delayMs: number, fn: () => void): CancelTimer {
    const entry = { at: this.time + delayMs, fn };
    this.timers.add(entry);
    return () => this.timers.delete(entry);
  }

  /** Timers that have not fired. */
  get waiting(): number {
    return this.timers.size;
  }

  advance(ms: number): void {
    this.time += ms;
    for (const entry of [...this.timers].sort((a, b) => a.at - b.at)) {
      if (entry.at > this.time || !this.timers.delete(entry)) continue;
      entry.fn();
    }
  }
}

/** What the control plane saw of one stream. */
export class RecordedSession implements SessionReceiver {
  readonly peer: SessionPeer;
  readonly frames: AgentFrame[] = [];
  readonly errors: Error[] = [];
  endedCount = 0;
  /** What it was told of its outgoing queue. */
  readonly queue: boolean[] = [];
  onFrame: (frame: AgentFrame) => void = () => {};

  constructor(peer: SessionPeer) {
    this.peer = peer;
  }

  frame(frame: AgentFrame): void {
    this.frames.push(frame);
    this.onFrame(frame);
  }

  malformed(error: Error): void {
    this.errors.push(error);
    this.peer.end(error);
  }

  queueFilled(isFull: boolean): void {
    this.queue.push(isFull);
  }

  ended(): void {
    this.endedCount += 1;
  }
}

export class FakePlane {
  readonly sessions: RecordedSession[] = [];
  readonly healthy = new Map<string, boolean>([['', true]]);
  onOpen: (session: RecordedSession) => void = () => {};
  private readonly listeners = new Set<() => void>();

  openSession(peer: SessionPeer): SessionReceiver {
    const session = new RecordedSession(peer);
    this.sessions.push(session);
    this.onOpen(session);
    return session;
  }

  health(name: string): boolean | undefined {
    return this.healthy.get(name);
  }

  onHealthChange(fn: () => void): () => void {
    this.listeners.add(fn);
    return () => this.listeners.delete(fn);
  }

  setHealth(name: string, serves: boolean): void {
    this.healthy.set(name, serves);
    for (const fn of [...this.listeners]) fn();
  }
}

export class Rig extends Dialer implements AsyncDisposable {
  readonly plane = new FakePlane();
  readonly listener: Listener;
  url = '';

  constructor(services: readonly BoundService[], options: Partial<ListenerOptions> = {}) {
    super(0);
    const clock = options.clock ?? systemClock;
    const agentService = { controlPlane: this.plane, clock, metrics: noMetrics, logger: silentLogger };
    this.listener = new Listener({
      host: '127.0.0.1',
      port: 0,
      node: 'n-test',
      services,
      openSession: createAgentService(agentService),
      health: this.plane,
      isReady: () => this.plane.health('') === true,
      metrics: { contentType: 'text/plain', read: async () => 'up 1\n' },
      clock,
      logger: silentLogger,
      ...options,
    });
  }

  static async start(services: readonly BoundService[] = [], options: Partial<ListenerOptions> = {}): Promise<Rig> {
    const rig = new Rig(services, options);
    Object.assign(rig, await rig.listener.listen());
    return rig;
  }

  /** The agent stream as bytes, and the session that the control plane sees at its other end. */
  async session(): Promise<{
    call: ClientDuplexStream<Buffer, Buffer>;
    session: RecordedSession;
    status: Promise<StatusObject>;
  }> {
    const opened = new Promise<RecordedSession>((resolve) => {
      this.plane.onOpen = resolve;
    });
    const stream = this.stream();
    return { ...stream, session: await opened };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hangUp();
    await this.listener.stop({ graceMs: 1_000 });
  }
}

export async function eventually(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 20_000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 1));
  if (!condition()) throw new Error('it never came true');
}
