/** One stream between an agent and the control plane, with both of its ends. */
import { EventEmitter } from 'node:events';
import { fromBinary } from '@bufbuild/protobuf';
import { Metadata, type ServiceError } from '@grpc/grpc-js';
import { readStatus } from '../../src/agent-sdk/grpc-status.ts';
import type { LinkEvents, LinkStatus } from '../../src/agent-sdk/link.ts';
import { toServiceError } from '../../src/control-plane/transport/grpc-status.ts';
import type { SessionCall } from '../../src/control-plane/transport/session-call.ts';
import { type SessionResponse, SessionResponseSchema } from '../../src/gen/opaque/session_pb.ts';
import type { Network, Route } from './network.ts';
import type { Process } from './world.ts';

/** As grpc-js: beyond it `write` asks the sender to wait for 'drain'. */
const HIGH_WATER_BYTES = 16 * 1024;
/** As the SDK's gRPC link: after a half-close the other side has this long. */
const CLOSE_MS = 1_000;

export interface StreamOptions {
  readonly network: Network;
  readonly route: Route;
  readonly agent: Process;
  readonly events: LinkEvents;
  readonly number: number;
}

export class Stream {
  readonly number: number;
  readonly agent: Process;
  readonly call: ServerCall;
  server: Process | undefined;
  isWelcomed = false;
  isClosedByAgent = false;
  /** The agent was told, or can no longer be told, that the stream is over. */
  isOverForAgent = false;
  isOverForServer = false;
  /** Bytes are lost from here on, in both directions. */
  isCut = false;
  onOver: () => void = () => {};
  /** When the frames that are on their way up arrive, in order. */
  readonly arrivals: number[] = [];
  private readonly options: StreamOptions;
  private queuedUp: { readonly bytes: Uint8Array; readonly kind: string }[] | undefined = [];
  private lastUpAt = 0;
  private lastDownAt = 0;

  constructor(options: StreamOptions) {
    this.options = options;
    this.number = options.number;
    this.agent = options.agent;
    this.call = new ServerCall(this);
  }

  get peerName(): string {
    return `${this.agent.name}/${this.number}`;
  }

  /** Open at both ends, and nothing on the way is lost. */
  get isWhole(): boolean {
    const isOver =
      this.isOverForAgent || this.isOverForServer || this.isClosedByAgent || this.call.isEnding || this.isCut;
    return this.server !== undefined && !this.server.isDead && !this.agent.isDead && !isOver;
  }

  get windowBytes(): number {
    return this.options.network.settings.windowBytes;
  }

  // ---- from the agent

  up(bytes: Uint8Array, kind: string): void {
    if (this.queuedUp !== undefined) this.queuedUp.push({ bytes, kind });
    else this.sendUp(bytes, kind);
  }

  closeByAgent(): void {
    if (this.isClosedByAgent || this.isOverForAgent) return;
    this.isClosedByAgent = true;
    const { network } = this.options;
    if (this.server !== undefined) this.atServer(this.nextUpAt(), () => this.call.hear(() => this.call.emit('end')));
    network.world.after(CLOSE_MS, this.agent, 'timer', () => {
      if (this.isOverForAgent) return;
      this.endForAgent({ code: 'CANCELLED', message: 'cancelled on client' });
      if (!this.isCut && !this.options.route.isBlackHole) this.closeForServer(network.latency());
    });
  }

  accept(server: Process, open: (call: ServerCall) => void): void {
    if (this.isOverForAgent || this.agent.isDead) return;
    this.server = server;
    const { network } = this.options;
    network.world.after(0, server, 'io', () => {
      open(this.call);
      const queued = this.queuedUp ?? [];
      this.queuedUp = undefined;
      for (const { bytes, kind } of queued) this.sendUp(bytes, kind);
      if (this.isClosedByAgent) this.atServer(this.nextUpAt(), () => this.call.hear(() => this.call.emit('end')));
    });
  }

  private sendUp(bytes: Uint8Array, kind: string): void {
    const { network } = this.options;
    const copies = kind === 'report' && network.dice.chance(network.duplicates) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const at = this.nextUpAt();
      this.arrivals.push(at);
      this.atServer(at, () => {
        this.arrivals.shift();
        this.call.hear(() => this.call.emit('data', Buffer.from(bytes)));
      });
    }
  }

  private nextUpAt(): number {
    const { network, route } = this.options;
    this.lastUpAt = Math.max(this.lastUpAt, route.stallUpUntil, network.world.now + network.latency());
    return this.lastUpAt;
  }

  private atServer(at: number, run: () => void): void {
    this.options.network.world.at(at, this.server, 'io', () => {
      if (!this.isOverForServer && !this.isCut && !this.options.route.isBlackHole) run();
    });
  }

  // ---- from the control plane

  /** Carries one message down; `onTaken` when it has left the sender's buffers. */
  down(bytes: Uint8Array, onTaken: () => void): void {
    const { network, route } = this.options;
    const frame = fromBinary(SessionResponseSchema, bytes);
    const copies = frame.frame.case === 'dispatch' && network.dice.chance(network.duplicates) ? 2 : 1;
    this.lastDownAt = Math.max(this.lastDownAt, route.stallDownUntil, network.world.now + network.latency());
    for (let copy = 0; copy < copies; copy++) {
      network.world.at(this.lastDownAt, this.agent, 'io', () => {
        if (this.isCut || route.isBlackHole) return;
        if (copy === 0) network.world.after(0, this.server, 'io', onTaken);
        this.deliver(frame);
      });
    }
  }

  private deliver(frame: SessionResponse): void {
    if (this.isOverForAgent) return;
    if (frame.frame.case === 'welcome') this.isWelcomed = true;
    this.options.events.onFrame(frame);
  }

  endByServer(error: ServiceError | undefined): void {
    const { network } = this.options;
    const status = error === undefined ? { code: 'OK' as const, message: '' } : statusOf(error);
    this.lastDownAt = Math.max(
      this.lastDownAt,
      this.options.route.stallDownUntil,
      network.world.now + network.latency(),
    );
    network.world.at(this.lastDownAt, this.agent, 'io', () => {
      if (this.isCut || this.options.route.isBlackHole) return;
      this.endForAgent(status);
      this.closeForServer(network.latency());
    });
  }

  dropByServer(): void {
    this.closeForServer(0);
    if (this.isCut || this.options.route.isBlackHole) return;
    const { network } = this.options;
    network.world.after(network.latency(), this.agent, 'io', () =>
      this.endForAgent({ code: 'UNAVAILABLE', message: 'connection reset' }),
    );
  }

  /** Frames that lie in the server's socket for a while and were not read. */
  get unread(): number {
    const { world } = this.options.network;
    return this.isCut ? 0 : this.arrivals.filter((at) => at < world.now - 1).length;
  }

  // ---- ends

  /** The connection breaks; each side notices after a while, or never. */
  cut(notices: { readonly agentAfterMs: number | undefined; readonly serverAfterMs: number | undefined }): void {
    this.isCut = true;
    const { world } = this.options.network;
    const { agentAfterMs, serverAfterMs } = notices;
    if (agentAfterMs !== undefined)
      world.after(agentAfterMs, this.agent, 'io', () =>
        this.endForAgent({ code: 'UNAVAILABLE', message: 'connection lost' }),
      );
    if (serverAfterMs !== undefined) this.closeForServer(serverAfterMs);
  }

  /** Takes effect inside the agent, now. */
  endForAgent(status: LinkStatus): void {
    if (this.isOverForAgent || this.agent.isDead) return;
    const { world } = this.options.network;
    world.after(0, this.agent, 'io', () => {
      if (this.isOverForAgent) return;
      this.isOverForAgent = true;
      world.log(this.agent.name, `link ${this.number} ended: ${status.code} ${status.message.slice(0, 80)}`);
      this.options.events.onEnd(status);
      this.over();
    });
  }

  closeForServer(afterMs: number): void {
    if (this.server === undefined) return;
    this.options.network.world.after(afterMs, this.server, 'io', () => {
      if (this.isOverForServer) return;
      this.isOverForServer = true;
      this.call.emit('close');
      this.over();
    });
  }

  private over(): void {
    if ((this.isOverForAgent || this.agent.isDead) && (this.isOverForServer || this.server?.isDead !== false))
      this.onOver();
  }
}

/** The control plane's end of a stream. */
export class ServerCall extends EventEmitter implements SessionCall {
  private readonly stream: Stream;
  private waiting: { readonly bytes: Uint8Array; readonly onSent: () => void }[] = [];
  private buffered = 0;
  private onWay = 0;
  private ending: { readonly error: ServiceError | undefined } | undefined;
  /** What has arrived while nothing is read. */
  private unheard: (() => void)[] | undefined;
  /** Bytes that the transport took for this stream, and those of them that left its buffers. */
  accepted = 0;
  sent = 0;
  /** The control plane has decided to end the stream; what is queued still goes out. */
  isEnding = false;
  /** Sees every message as it leaves the process. */
  onLeave: (bytes: Uint8Array) => void = () => {};

  constructor(stream: Stream) {
    super();
    this.stream = stream;
  }

  getPeer(): string {
    return this.stream.peerName;
  }

  write(bytes: Uint8Array, onSent: () => void): boolean {
    this.onLeave(bytes);
    this.waiting.push({ bytes, onSent });
    this.buffered += bytes.length;
    this.pump();
    return this.buffered < HIGH_WATER_BYTES;
  }

  end(error?: Error): void {
    if (this.ending !== undefined) return;
    this.ending = { error: error === undefined ? undefined : toServiceError(error) };
    this.pump();
  }

  setReading(isReading: boolean): void {
    if (!isReading) {
      this.unheard ??= [];
      return;
    }
    const unheard = this.unheard ?? [];
    this.unheard = undefined;
    for (const say of unheard) this.hear(say);
  }

  hear(say: () => void): void {
    if (this.unheard === undefined) say();
    else this.unheard.push(say);
  }

  /** The control plane closes the whole connection. */
  drop(): void {
    this.stream.dropByServer();
  }

  /** Frames that have arrived and were not read. */
  get unread(): number {
    return this.stream.unread;
  }

  private pump(): void {
    while (this.onWay < this.stream.windowBytes) {
      const next = this.waiting.shift();
      if (next === undefined) break;
      const { length } = next.bytes;
      this.onWay += length;
      this.stream.down(next.bytes, () => this.taken(length, next.onSent));
    }
    if (this.ending === undefined || this.waiting.length > 0) return;
    this.stream.endByServer(this.ending.error);
    this.waiting = [];
  }

  private taken(length: number, onSent: () => void): void {
    this.onWay -= length;
    const wasHigh = this.buffered >= HIGH_WATER_BYTES;
    this.buffered -= length;
    this.sent += length;
    onSent();
    if (this.ending === undefined || this.waiting.length > 0) this.pump();
    if (wasHigh && this.buffered < HIGH_WATER_BYTES) this.emit('drain');
  }
}

function statusOf(error: ServiceError): LinkStatus {
  return readStatus({ code: error.code, details: error.details, metadata: error.metadata ?? new Metadata() });
}
