/** What can be wrong with the wire between two processes. */
import type { Random } from '../../../src/core/random.ts';

/** `up`: from who dials to who is dialled. */
export type Direction = 'up' | 'down';

/** Without a direction, both. What is held back is not lost: as after lost packets, it arrives once the fault is over. */
export type Fault =
  /** Everything arrives so much later. */
  | { readonly kind: 'delay'; readonly ms: number; readonly direction?: Direction }
  | { readonly kind: 'throttle'; readonly bytesPerSecond: number; readonly direction?: Direction }
  /** A black hole: nothing passes, neither bytes nor the end of a connection, and nobody is told. */
  | { readonly kind: 'hold'; readonly direction?: Direction }
  /** Open connections break at once, and each new one, on both sides. */
  | { readonly kind: 'refuse' }
  /** Open connections break at once; new ones are let through. */
  | { readonly kind: 'reset' }
  /** The end of the direction arrives, although nobody wrote it; the other direction goes on. */
  | { readonly kind: 'halfClose'; readonly direction: Direction }
  /** Every connection breaks once so many more bytes of the direction have passed. */
  | { readonly kind: 'cutAfter'; readonly bytes: number; readonly direction: Direction };

/** What all faults of one direction make together. */
export interface Weather {
  readonly delayMs: number;
  readonly bytesPerSecond: number;
  readonly isHeld: boolean;
  /** Bytes until a connection breaks. */
  readonly cutAfter: number;
}

export function weatherOf(faults: Iterable<Fault>, direction: Direction): Weather {
  let weather: Weather = {
    delayMs: 0,
    bytesPerSecond: Number.POSITIVE_INFINITY,
    isHeld: false,
    cutAfter: Number.POSITIVE_INFINITY,
  };
  for (const fault of faults) {
    if ('direction' in fault && fault.direction !== undefined && fault.direction !== direction) continue;
    if (fault.kind === 'delay') weather = { ...weather, delayMs: Math.max(weather.delayMs, fault.ms) };
    if (fault.kind === 'hold') weather = { ...weather, isHeld: true };
    if (fault.kind === 'cutAfter') weather = { ...weather, cutAfter: Math.min(weather.cutAfter, fault.bytes) };
    if (fault.kind === 'throttle') {
      weather = { ...weather, bytesPerSecond: Math.min(weather.bytesPerSecond, fault.bytesPerSecond) };
    }
  }
  return weather;
}

/** One fault of any kind, by dice alone. */
export function drawFault(random: Random): Fault {
  const draw = (from: number, to: number): number => Math.round(from + random.next() * (to - from));
  const direction: Direction = random.next() < 0.5 ? 'up' : 'down';
  const side: { readonly direction?: Direction } = random.next() < 0.6 ? {} : { direction };
  const kinds: readonly (() => Fault)[] = [
    () => ({ kind: 'delay', ms: draw(10, 600), ...side }),
    () => ({ kind: 'throttle', bytesPerSecond: draw(2_000, 60_000), ...side }),
    () => ({ kind: 'hold', ...side }),
    () => ({ kind: 'hold', direction }),
    () => ({ kind: 'refuse' }),
    () => ({ kind: 'reset' }),
    () => ({ kind: 'halfClose', direction }),
    () => ({ kind: 'cutAfter', bytes: draw(0, 4_000), direction }),
  ];
  const drawn = kinds[Math.floor(random.next() * kinds.length)];
  return drawn === undefined ? { kind: 'reset' } : drawn();
}
