/**
 * A TCP proxy that does to connections what networks do: on one port, to one address, with faults that begin and end while bytes
 * are on their way. Nothing in it is random, and it has no time of its own.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type Clock, systemClock } from '../../../src/core/clock.ts';
import { Connection } from './connection.ts';
import { type Direction, type Fault, type Weather, weatherOf } from './fault.ts';

export interface FaultProxyOptions {
  readonly target: { readonly host?: string; readonly port: number };
  readonly clock?: Clock;
}

export class FaultProxy implements AsyncDisposable {
  /** Connections that were ever accepted. */
  accepted = 0;
  /** Bytes that arrived on the other side. */
  readonly passed: Record<Direction, number> = { up: 0, down: 0 };
  private readonly options: FaultProxyOptions;
  private readonly server: Server;
  private readonly faults = new Set<Fault>();
  private readonly connections = new Set<Connection>();
  private weather: Readonly<Record<Direction, Weather>> = { up: weatherOf([], 'up'), down: weatherOf([], 'down') };

  private constructor(options: FaultProxyOptions) {
    this.options = options;
    this.server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) =>
      this.accept(socket),
    );
  }

  static async listen(options: FaultProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options);
    await new Promise<void>((resolve, reject) => {
      proxy.server.once('error', reject).listen({ host: '127.0.0.1', port: 0 }, resolve);
    });
    return proxy;
  }

  get port(): number {
    // Listening on a port, not on a pipe.
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.connections.size;
  }

  /** The fault is there until the answer is called. `reset` and `halfClose` happen once, to what is open now. */
  begin(fault: Fault): () => void {
    if (fault.kind === 'reset') this.resetAll();
    if (fault.kind === 'halfClose') for (const connection of this.connections) connection.closeHalf(fault.direction);
    if (fault.kind === 'refuse') this.resetAll();
    this.faults.add(fault);
    this.refresh();
    return () => {
      if (this.faults.delete(fault)) this.refresh();
    };
  }

  /** No fault from now on; what broke stays broken. */
  heal(): void {
    this.faults.clear();
    this.refresh();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.resetAll();
    await closed;
  }

  private resetAll(): void {
    for (const connection of [...this.connections]) connection.reset();
  }

  private refresh(): void {
    this.weather = { up: weatherOf(this.faults, 'up'), down: weatherOf(this.faults, 'down') };
    for (const connection of [...this.connections]) connection.refresh();
  }

  private accept(socket: Socket): void {
    this.accepted += 1;
    if ([...this.faults].some(({ kind }) => kind === 'refuse')) {
      socket.on('error', () => {}).resetAndDestroy();
      return;
    }
    const { target, clock = systemClock } = this.options;
    const connection: Connection = new Connection({
      accepted: socket,
      target: { host: target.host ?? '127.0.0.1', port: target.port },
      clock,
      weather: (direction) => this.weather[direction],
      onPassed: (direction, bytes) => {
        this.passed[direction] += bytes;
      },
      onClose: () => this.connections.delete(connection),
    });
    this.connections.add(connection);
  }
}
