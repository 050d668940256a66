/**
 * One direction of one connection: what is read from one socket is written to the other as late and as slowly as the weather says.
 *
 * Invariants: 1. bytes keep their order, and the end comes after them; 2. no more than a bounded number of bytes waits here:
 * beyond it the writer is slowed down as a full network would; 3. while it is held nothing at all goes through.
 */
import type { Socket } from 'node:net';
import type { CancelTimer, Clock } from '../../../src/core/clock.ts';
import type { Weather } from './fault.ts';

/** As much as the kernel would take in for a peer that does not read. */
const WAITING_BYTES_MAX = 256 * 1024;
/** A throttled direction passes this part of a second's bytes at a time. */
const SLICES_PER_SECOND = 20;

export interface PipeOptions {
  readonly from: Socket;
  readonly to: Socket;
  readonly clock: Clock;
  readonly weather: () => Weather;
  readonly onPassed: (bytes: number) => void;
  /** Both sides must see the connection break: the bytes of a `cutAfter` have passed, or the writer reset it. */
  readonly onBroken: () => void;
  /** The writer, which had ended this direction before, hears nothing any more. */
  readonly onGone: () => void;
}

type Waiting = { readonly dueAt: number } & ({ bytes: Buffer } | { readonly end: 'fin' | 'reset' | 'gone' });

export class Pipe {
  private readonly options: PipeOptions;
  private readonly waiting: Waiting[] = [];
  private waitingBytes = 0;
  private passedBytes = 0;
  private cutFrom = 0;
  /** When a throttled direction may pass the next slice. */
  private freeAt = 0;
  private isBlocked = false;
  private isOver = false;
  private cancelTimer: CancelTimer = () => {};

  constructor(options: PipeOptions) {
    this.options = options;
    const { from, to } = options;
    let hasEnded = false;
    from.on('data', (bytes: Buffer) => this.take({ bytes, dueAt: this.dueAt() }, bytes.length));
    from.on('end', () => {
      hasEnded = true;
      this.take({ end: 'fin', dueAt: this.dueAt() });
    });
    from.on('close', () => {
      this.take({ end: hasEnded ? 'gone' : 'reset', dueAt: this.dueAt() });
    });
    to.on('drain', () => {
      this.isBlocked = false;
      this.pump();
    });
    to.on('close', () => this.finish());
  }

  /** The weather has changed. */
  refresh(): void {
    if (this.options.weather().cutAfter === Number.POSITIVE_INFINITY) this.cutFrom = this.passedBytes;
    this.pump();
  }

  /** The reader sees the end of this direction now; what comes later is dropped. */
  closeHalf(): void {
    if (this.isOver) return;
    this.finish();
    this.options.to.end();
    this.options.from.resume();
  }

  private dueAt(): number {
    return this.options.clock.monotonic() + this.options.weather().delayMs;
  }

  private take(waiting: Waiting, bytes = 0): void {
    if (this.isOver) return;
    this.waiting.push(waiting);
    this.waitingBytes += bytes;
    this.pump();
  }

  private finish(): void {
    this.isOver = true;
    this.waiting.length = 0;
    this.waitingBytes = 0;
    this.cancelTimer();
  }

  private pump(): void {
    this.cancelTimer();
    if (this.isOver) return;
    const { clock, weather, from } = this.options;
    const { isHeld } = weather();
    while (!isHeld && !this.isBlocked && !this.isOver) {
      const [head] = this.waiting;
      if (head === undefined) break;
      const waitMs = Math.max(head.dueAt, this.freeAt) - clock.monotonic();
      if (waitMs > 0) {
        this.cancelTimer = clock.timer(waitMs, () => this.pump());
        break;
      }
      if ('end' in head) this.passEnd(head.end);
      else this.passBytes(head);
    }
    if (isHeld || this.waitingBytes >= WAITING_BYTES_MAX) from.pause();
    else from.resume();
  }

  private passEnd(end: 'fin' | 'reset' | 'gone'): void {
    this.waiting.shift();
    if (end === 'fin') return void this.options.to.end();
    this.finish();
    if (end === 'reset') this.options.onBroken();
    else this.options.onGone();
  }

  private passBytes(head: { bytes: Buffer }): void {
    const { to, clock, weather, onPassed, onBroken } = this.options;
    const { bytesPerSecond, cutAfter } = weather();
    const left = cutAfter - (this.passedBytes - this.cutFrom);
    const sliceMax = Math.max(1, Math.min(left, Math.ceil(bytesPerSecond / SLICES_PER_SECOND)));
    const slice = left <= 0 ? head.bytes.subarray(0, 0) : head.bytes.subarray(0, sliceMax);
    const rest = head.bytes.subarray(slice.length);
    if (rest.length === 0) this.waiting.shift();
    else head.bytes = rest;
    this.waitingBytes -= slice.length;
    this.passedBytes += slice.length;
    onPassed(slice.length);
    if (bytesPerSecond !== Number.POSITIVE_INFINITY) {
      this.freeAt = Math.max(this.freeAt, clock.monotonic()) + (slice.length * 1_000) / bytesPerSecond;
    }
    if (slice.length < left) {
      this.isBlocked = !to.write(slice);
      return;
    }
    this.finish();
    to.write(slice, onBroken);
  }
}
