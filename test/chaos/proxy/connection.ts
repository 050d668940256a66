/** One connection through the proxy: the socket that was accepted, the one that was dialled for it, and a pipe each way. */
import { createConnection, type Socket } from 'node:net';
import type { Clock } from '../../../src/core/clock.ts';
import type { Direction, Weather } from './fault.ts';
import { Pipe } from './pipe.ts';

export interface ConnectionOptions {
  readonly accepted: Socket;
  readonly target: { readonly host: string; readonly port: number };
  readonly clock: Clock;
  readonly weather: (direction: Direction) => Weather;
  readonly onPassed: (direction: Direction, bytes: number) => void;
  readonly onClose: () => void;
}

export class Connection {
  private readonly options: ConnectionOptions;
  private dialled: Socket | undefined;
  private pipes: Readonly<Record<Direction, Pipe>> | undefined;
  private openSockets = 1;

  constructor(options: ConnectionOptions) {
    this.options = options;
    this.adopt(options.accepted);
    options.accepted.pause();
    this.dial();
  }

  /** The weather has changed. */
  refresh(): void {
    this.dial();
    this.pipes?.up.refresh();
    this.pipes?.down.refresh();
  }

  reset(): void {
    this.options.accepted.resetAndDestroy();
    this.dialled?.resetAndDestroy();
  }

  closeHalf(direction: Direction): void {
    this.pipes?.[direction].closeHalf();
  }

  /** In a black hole the first packet of a connection does not arrive either. */
  private dial(): void {
    const { accepted, target, clock, weather, onPassed } = this.options;
    if (this.dialled !== undefined || accepted.destroyed || weather('up').isHeld) return;
    const dialled = createConnection({ ...target, allowHalfOpen: true, noDelay: true });
    this.dialled = dialled;
    this.openSockets += 1;
    this.adopt(dialled);
    const pipe = (direction: Direction, from: Socket, to: Socket): Pipe =>
      new Pipe({
        from,
        to,
        clock,
        weather: () => weather(direction),
        onPassed: (bytes) => onPassed(direction, bytes),
        onBroken: () => this.reset(),
        onGone: () => breakWriter(to),
      });
    this.pipes = { up: pipe('up', accepted, dialled), down: pipe('down', dialled, accepted) };
    this.refresh();
  }

  private adopt(socket: Socket): void {
    // A reset is an error; `close` follows and says enough.
    socket.on('error', () => {});
    socket.once('close', () => {
      this.openSockets -= 1;
      if (this.openSockets === 0) this.options.onClose();
    });
  }
}

/** As the kernel of a process that is gone: whoever goes on writing to it is reset, once it has read what was sent. */
function breakWriter(socket: Socket): void {
  if (socket.destroyed || socket.readableEnded) return;
  if (socket.writableFinished) socket.resetAndDestroy();
  else socket.once('finish', () => socket.resetAndDestroy());
}
