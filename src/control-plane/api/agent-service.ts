/**
 * AgentService.Session: bytes of one stream to frames of the registry and back. The transport owns the wire; the registry
 * owns the meaning; this stands between them, counts, and adds the one rule that needs neither: a Hello in time.
 */
import type { CancelTimer, Clock } from '../../core/clock.ts';
import { toYardmasterError, YardmasterError } from '../../core/errors.ts';
import { times } from '../../core/limits.ts';
import type { Logger } from '../../core/logger.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { AgentFrame, ServerFrame, SessionPeer, SessionReceiver, WireAssignment } from '../registry/frames.ts';
import type { ControlPlane } from '../runtime/control-plane.ts';
import { readFrame } from './convert/read-frame.ts';
import { encodeAssignment } from './convert/write-dispatch.ts';
import { writeFrame } from './convert/write-frame.ts';

/** The transport's end of a stream. */
export interface SessionWire {
  /** Queues one message; false when the queue is full, and then the message is not taken. */
  write(bytes: Uint8Array): boolean;
  /** Ends the stream after what is queued. */
  end(error?: Error): void;
  /** Drops what is queued, writes `last` and ends. */
  abandon(last: Uint8Array | undefined, error: Error): void;
  /** As `SessionPeer.setReading`. */
  readonly setReading?: (isReading: boolean) => void;
  /** Of what was written, what the network has not taken. Absent: nothing. */
  readonly queuedBytes?: number;
  /** It was more than may be on its way, and most of it still is. */
  readonly isFull?: boolean;
  readonly remote: string;
}

/** What the transport calls, in the order of the wire. `ended` comes exactly once and last. */
export interface SessionSink {
  message(bytes: Uint8Array): void;
  /** The outgoing queue is nearly empty again. */
  hasRoom(): void;
  /** The outgoing queue has been too full for new work for a while, or is no longer. */
  queueFilled(isFull: boolean): void;
  /** It was too full for too long. */
  queueStuck(): void;
  ended(): void;
}

export interface AgentServiceOptions {
  readonly controlPlane: Pick<ControlPlane, 'openSession'>;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

export type OpenSession = (wire: SessionWire) => SessionSink;

export function createAgentService(options: AgentServiceOptions): OpenSession {
  return (wire) => new AgentSession(options, wire);
}

class AgentSession implements SessionSink, SessionPeer {
  readonly remote: string;
  private readonly wire: SessionWire;
  private readonly metrics: Metrics;
  private readonly logger: Logger;
  private readonly receiver: SessionReceiver;
  private readonly cancelHelloTimer: CancelTimer;
  private isEnded = false;
  private hasHello = false;
  private roomWaiters: (() => void)[] = [];

  constructor({ controlPlane, clock, metrics, logger }: AgentServiceOptions, wire: SessionWire) {
    this.wire = wire;
    this.remote = wire.remote;
    this.metrics = metrics;
    this.logger = logger;
    metrics.streamOpened();
    this.receiver = controlPlane.openSession(this);
    // After a stall of ours timers come first: one turn later the sockets were read.
    this.cancelHelloTimer = clock.timer(times.helloMs, () => clock.turn(() => this.refuseSilence()));
  }

  message(bytes: Uint8Array): void {
    if (this.isEnded) return;
    const frame = this.read(bytes);
    if (frame === undefined) return;
    this.metrics.frameReceived(frame.type);
    if (frame.type === 'hello') {
      this.hasHello = true;
      this.cancelHelloTimer();
    }
    try {
      this.receiver.frame(frame);
    } catch (error) {
      // Nothing that an agent sends may hurt more than its own stream.
      this.logger.error('session failed', { remote: this.remote, error });
      this.end(new YardmasterError('INTERNAL', 'Cannot go on with this stream: an internal error', { cause: error }));
    }
  }

  ended(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.cancelHelloTimer();
    this.metrics.streamClosed();
    this.wakeRoomWaiters();
    this.receiver.ended();
  }

  hasRoom(): void {
    this.wakeRoomWaiters();
    if (!this.isEnded) this.receiver.hasRoom?.();
  }

  get queuedBytes(): number {
    return this.wire.queuedBytes ?? 0;
  }

  get isFull(): boolean {
    return this.wire.isFull ?? false;
  }

  whenRoom(fn: () => void): void {
    if (this.isEnded || !this.isFull) fn();
    else this.roomWaiters.push(fn);
  }

  queueFilled(isFull: boolean): void {
    if (!this.isEnded) this.receiver.queueFilled?.(isFull);
  }

  queueStuck(): void {
    if (!this.isEnded) this.overflow(`its outgoing queue has not come down for ${times.overloadMs / 1_000} s`);
  }

  send(frame: ServerFrame): void {
    if (this.isEnded) return;
    this.metrics.frameSent(frame.type);
    for (const bytes of writeFrame(frame)) {
      if (this.wire.write(bytes)) continue;
      this.overflow('its outgoing queue is full');
      return;
    }
  }

  encode(assignment: WireAssignment): Uint8Array {
    return encodeAssignment(assignment);
  }

  end(error?: Error): void {
    if (!this.isEnded) this.wire.end(error);
  }

  setReading(isReading: boolean): void {
    this.wire.setReading?.(isReading);
  }

  private wakeRoomWaiters(): void {
    const waiters = this.roomWaiters;
    this.roomWaiters = [];
    for (const waiter of waiters) waiter();
  }

  private refuseSilence(): void {
    if (this.hasHello || this.isEnded) return;
    const message = `Cannot keep the stream from "${this.remote}": no Hello came within ${times.helloMs / 1_000} s`;
    this.receiver.malformed(new YardmasterError('NO_HELLO', message, { next: 'send Hello as the first frame' }));
  }

  private overflow(fact: string): void {
    this.metrics.streamOverflowed();
    const message = `Cannot send more: the agent reads too slowly and ${fact}`;
    this.logger.warn('stream overflowed', { remote: this.remote });
    const [goAway] = writeFrame({ type: 'goAway', reason: 'OVERLOAD', message });
    this.wire.abandon(
      goAway,
      new YardmasterError('OVERLOAD', message, { next: 'read the stream while handlers work' }),
    );
  }

  /** Undefined: nothing to do, because it was of an unknown kind or refused. */
  private read(bytes: Uint8Array): AgentFrame | undefined {
    try {
      return readFrame(bytes, () => this.metrics.frameIgnored());
    } catch (error) {
      const refusal = toYardmasterError(error, 'MALFORMED_FRAME');
      this.logger.warn('frame refused', { remote: this.remote, code: refusal.code, reason: refusal.message });
      this.receiver.malformed(refusal);
      return undefined;
    }
  }
}
