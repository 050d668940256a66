/** Shares are advice: what is not a number between 0 and 1 is brought there. */
export function clampShare(value: number): number {
  return Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : 0;
}
