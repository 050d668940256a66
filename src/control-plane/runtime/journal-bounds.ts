import { limits } from '../../core/limits.ts';
import type { RunState } from '../engine/state.ts';

/** Why a run may not go on; undefined while its journal is within its limits. */
export function excessOf({ position, journalBytes }: RunState): string | undefined {
  if (position > limits.journalEventsMax) return `the run has more than ${limits.journalEventsMax} events`;
  if (journalBytes > limits.journalBytesMax)
    return `the events of the run take more than ${limits.journalBytesMax} bytes`;
  return undefined;
}
