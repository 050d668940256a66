import type { Priority } from '../../workflow/definition.ts';

/**
 * Milliseconds by which a priority moves a step's place in time. They age for free: a low step that has waited a
 * minute longer than a normal one is level with it (design: architecture.md section 6).
 */
const shiftMs: Readonly<Record<Priority, number>> = {
  critical: -600_000,
  high: -60_000,
  normal: 0,
  low: 60_000,
};

/** From the most to the least urgent; the index is the rank that the queues use. */
export const priorities: readonly Priority[] = ['critical', 'high', 'normal', 'low'];

/** What orders the heads of the priority queues: the lower goes first. `queuedAt` is wall ms. */
export function orderKeyOf(priority: Priority, queuedAt: number): number {
  return queuedAt + shiftMs[priority];
}

/** The other way: since when a step with this order key waits, wall ms. */
export function queuedAtOf(priority: Priority, orderKey: number): number {
  return orderKey - shiftMs[priority];
}
