/**
 * The only writer of one agent's stream.
 *
 * Invariants: 1. bytes that were taken and not yet handed to the network are counted in `pendingBytes`, and a message is
 * taken only below the limit; 2. `sink.ended` is called exactly once, also when the other side never reads again; 3. the
 * stream ends with one status, after everything that was taken (or, after an overflow, after the last message).
 */
import type { Clock } from '../../core/clock.ts';
import { limits, times } from '../../core/limits.ts';
import type { Logger } from '../../core/logger.ts';
import type { OpenSession, SessionSink, SessionWire } from '../api/agent-service.ts';
import { QueuePressure } from './queue-pressure.ts';
import type { SessionCall } from './session-call.ts';
import { StreamCaps, type StreamCapsOptions } from './stream-caps.ts';

export interface SessionStreamsOptions {
  readonly open: OpenSession;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Closes the connection of a peer, as `call.getPeer()` names it. */
  readonly dropPeer: (peer: string) => void;
  readonly caps?: StreamCapsOptions;
}

/** All open agent streams of one server. */
export class SessionStreams {
  private readonly options: SessionStreamsOptions;
  private readonly streams = new Set<SessionStream>();
  private readonly caps: StreamCaps;
  private onEmpty: (() => void) | undefined;

  constructor(options: SessionStreamsOptions) {
    this.options = options;
    this.caps = new StreamCaps(options.caps);
  }

  accept(call: SessionCall): void {
    const refusal = this.caps.enter(call.getPeer());
    if (refusal !== undefined) {
      this.options.logger.warn('agent stream refused: too many are open', { remote: call.getPeer() });
      return call.end(refusal);
    }
    const stream = new SessionStream(call, this.options, () => this.over(stream));
    this.streams.add(stream);
    stream.start();
  }

  /** Ends every stream with `error`. */
  endAll(error: Error): void {
    for (const stream of [...this.streams]) stream.end(error);
  }

  /** Resolves when no stream is open, or after `ms`. */
  emptied(ms: number): Promise<void> {
    if (this.streams.size === 0 || ms === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.options.clock.timer(ms, resolve);
      this.onEmpty = () => {
        cancel();
        resolve();
      };
    });
  }

  private over(stream: SessionStream): void {
    this.streams.delete(stream);
    this.caps.leave(stream.remote);
    if (this.streams.size === 0) this.onEmpty?.();
  }

  get count(): number {
    return this.streams.size;
  }
}

class SessionStream implements SessionWire {
  readonly remote: string;
  private readonly call: SessionCall;
  private readonly options: SessionStreamsOptions;
  private readonly onOver: () => void;
  private sink: SessionSink | undefined;
  private queue: Uint8Array[] = [];
  private head = 0;
  private pendingBytes = 0;
  private readonly pressure: QueuePressure;
  private isBlocked = false;
  private ending: { readonly error: Error | undefined } | undefined;
  private isFinished = false;
  private isClosed = false;
  private hasToldEnd = false;

  constructor(call: SessionCall, options: SessionStreamsOptions, onOver: () => void) {
    this.call = call;
    this.options = options;
    this.onOver = onOver;
    this.remote = call.getPeer();
    this.pressure = new QueuePressure({
      clock: options.clock,
      onRoom: () => this.sink?.hasRoom(),
      onChange: (isBehind) => this.sink?.queueFilled(isBehind),
      onStuck: () => this.sink?.queueStuck(),
    });
  }

  start(): void {
    const { call } = this;
    call.on('drain', () => {
      this.isBlocked = false;
      this.pump();
    });
    call.on('end', () => this.end());
    call.on('malformed', (error: Error) => this.end(error));
    call.on('close', () => this.close());
    this.sink = this.options.open(this);
    call.on('data', (bytes: Buffer) => {
      if (this.ending === undefined) this.sink?.message(bytes);
    });
  }

  write(bytes: Uint8Array): boolean {
    // Not an overflow: whoever writes will learn in a moment that the stream is over.
    if (this.ending !== undefined || this.isClosed) return true;
    if (this.pendingBytes >= limits.streamQueueBytesMax) return false;
    this.push(bytes);
    this.pump();
    this.pressure.measure(this.pendingBytes);
    return true;
  }

  get queuedBytes(): number {
    return this.pendingBytes;
  }

  get isFull(): boolean {
    return this.pressure.isHigh;
  }

  end(error?: Error): void {
    if (this.ending !== undefined || this.isClosed) return;
    this.ending = { error };
    this.pressure.end();
    this.pump();
    this.tellEndSoon();
    this.dropWhenStuck();
  }

  abandon(last: Uint8Array | undefined, error: Error): void {
    if (this.ending !== undefined || this.isClosed) return;
    this.queue = [];
    this.head = 0;
    if (last !== undefined) this.push(last);
    this.end(error);
  }

  setReading(isReading: boolean): void {
    if (!this.isClosed) this.call.setReading(isReading);
  }

  private push(bytes: Uint8Array): void {
    this.queue.push(bytes);
    this.pendingBytes += bytes.length;
  }

  /** Hands messages over until grpc-js says that it has enough. `write` would take any number. */
  private pump(): void {
    if (this.isClosed || this.isFinished) return;
    while (!this.isBlocked) {
      const bytes = this.queue[this.head];
      if (bytes === undefined) break;
      this.head += 1;
      this.isBlocked = !this.call.write(bytes, () => {
        this.pendingBytes -= bytes.length;
        this.pressure.measure(this.pendingBytes);
      });
    }
    if (this.head >= this.queue.length) {
      this.queue = [];
      this.head = 0;
      this.finish();
    }
  }

  private finish(): void {
    if (this.ending === undefined) return;
    this.isFinished = true;
    this.call.end(this.ending.error);
  }

  private close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.pressure.end();
    this.queue = [];
    this.onOver();
    this.tellEnd();
  }

  /** Not at once: the registry may be in the middle of what made it end the stream. */
  private tellEndSoon(): void {
    queueMicrotask(() => this.tellEnd());
  }

  private tellEnd(): void {
    if (this.hasToldEnd) return;
    this.hasToldEnd = true;
    this.sink?.ended();
  }

  /** A status waits behind the data that the other side does not read. */
  private dropWhenStuck(): void {
    const { clock, dropPeer, logger } = this.options;
    const cancel = clock.timer(times.streamEndGraceMs, () => {
      if (this.isClosed) return;
      logger.warn('connection dropped: the agent does not read', { remote: this.remote });
      dropPeer(this.remote);
    });
    this.call.once('close', cancel);
  }
}
