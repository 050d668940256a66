/**
 * The sockets of the port: looks at the first bytes of each and hands it to HTTP/2 or to HTTP/1.1.
 *
 * Invariants: 1. every open socket is in `sockets`, under the name that grpc-js gives its peer; 2. a socket that does not
 * say what it speaks is closed in time; 3. no address and no crowd opens more than its share.
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import { limits, times } from '../../core/limits.ts';
import { networkOf } from './network-of.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0');
/** The kernel asks a quiet peer, ten times in ten seconds, and wakes nobody while the peer is there. Agents beat, so are seldom asked. */
const PROBE_AFTER_MS = 20_000;

export interface FrontOptions {
  readonly clock: Clock;
  readonly onHttp2: (socket: Socket) => void;
  readonly onHttp1: (socket: Socket) => void;
  /** A socket over its share was closed. */
  readonly onRefused: (address: string) => void;
}

export class Front {
  readonly server: Server;
  private readonly options: FrontOptions;
  private readonly sockets = new Map<string, Socket>();
  private readonly perAddress = new Map<string, number>();
  private onEmpty: (() => void) | undefined;

  constructor(options: FrontOptions) {
    this.options = options;
    // Half-open, because HTTP/1.1 and HTTP/2 both want to write their last words themselves.
    const sockets = { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: PROBE_AFTER_MS };
    this.server = createServer(sockets, (socket) => this.accept(socket));
  }

  get size(): number {
    return this.sockets.size;
  }

  dropPeer(peer: string): void {
    this.sockets.get(peer)?.destroy();
  }

  dropAll(): void {
    for (const socket of [...this.sockets.values()]) socket.destroy();
  }

  /** Resolves when no socket is open. */
  emptied(): Promise<void> {
    if (this.sockets.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.onEmpty = resolve;
    });
  }

  private accept(socket: Socket): void {
    // Whoever takes the socket handles its errors; a reset before that means nothing to us.
    socket.on('error', () => {});
    const address = socket.remoteAddress ?? '';
    const network = networkOf(address);
    const count = this.perAddress.get(network) ?? 0;
    if (this.sockets.size >= limits.connectionsMax || count >= limits.connectionsPerAddressMax) {
      socket.destroy();
      this.options.onRefused(address);
      return;
    }
    const peer = `${address}:${socket.remotePort ?? 0}`;
    this.sockets.set(peer, socket);
    this.perAddress.set(network, count + 1);
    socket.once('close', () => this.forget(peer, network));
    this.peek(socket);
  }

  private forget(peer: string, network: string): void {
    this.sockets.delete(peer);
    const count = (this.perAddress.get(network) ?? 1) - 1;
    if (count > 0) this.perAddress.set(network, count);
    else this.perAddress.delete(network);
    if (this.sockets.size === 0) this.onEmpty?.();
  }

  private peek(socket: Socket): void {
    let seen: Buffer = Buffer.alloc(0);
    const cancelDeadline = this.options.clock.timer(times.prefaceMs, () => socket.destroy());
    const onReadable = (): void => {
      const chunk: Buffer | null = socket.read();
      if (chunk === null) return;
      seen = Buffer.concat([seen, chunk]);
      const isPrefix = seen.subarray(0, PREFACE.length).equals(PREFACE.subarray(0, seen.length));
      if (isPrefix && seen.length < PREFACE.length) return;
      settle();
      socket.unshift(seen);
      if (isPrefix) this.handOver(socket);
      else this.options.onHttp1(socket);
    };
    const onGone = (): void => {
      settle();
      socket.destroy();
    };
    const settle = (): void => {
      cancelDeadline();
      socket.off('readable', onReadable).off('end', onGone).off('close', onGone);
    };
    socket.on('readable', onReadable).on('end', onGone).on('close', onGone);
  }

  /** A client of HTTP/2 that closes its side is gone: a killed process says no more than that. Half-open, nobody would notice. */
  private handOver(socket: Socket): void {
    socket.allowHalfOpen = false;
    this.options.onHttp2(socket);
  }
}
