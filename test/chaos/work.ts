/** What the agents of the failure tests do, so that their results can be foretold. */
import { createHash } from 'node:crypto';
import { hashToUnit } from '../../src/core/random.ts';

export interface Work {
  readonly key: string;
  /** How long it takes at the most. */
  readonly ms: number;
  /** It takes exactly that. Default: by the key alone, from a twentieth of it on. */
  readonly isExact?: boolean;
}

/** Must not run twice at once. */
export const ONCE = 'once';
/** Idempotent. */
export const AGAIN = 'again';
/** As ONCE, and its first try fails. */
export const FLAKY = 'flaky';

export function resultOf({ key }: Work): string {
  return createHash('sha256').update(key).digest('hex');
}

export function durationOf({ key, ms, isExact = false }: Work): number {
  return isExact ? ms : Math.round(ms * (0.05 + 0.95 * hashToUnit(key)));
}
