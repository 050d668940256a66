/** The clock of one process in the world. */
import type { CancelTimer, Clock } from '../../src/core/clock.ts';
import type { Process, World } from './world.ts';

/** 2026-11-24T12:00:00Z: wall time at the start of every world. */
export const EPOCH_MS = Date.UTC(2026, 10, 24, 12);

/** The wall clock of a machine: it outlives processes, and may be set. */
export interface Wall {
  aheadMs: number;
}

export class SimClock implements Clock {
  private readonly world: World;
  private readonly process: Process;
  private readonly wall: Wall;

  constructor(world: World, process: Process, wall: Wall = { aheadMs: 0 }) {
    this.world = world;
    this.process = process;
    this.wall = wall;
  }

  now(): number {
    return EPOCH_MS + Math.floor(this.world.now + this.wall.aheadMs);
  }

  monotonic(): number {
    return this.world.now;
  }

  timer(delayMs: number, fn: () => void): CancelTimer {
    return this.world.after(delayMs, this.process, 'timer', fn);
  }

  turn(fn: () => void): void {
    this.world.after(0, this.process, 'turn', fn);
  }
}
