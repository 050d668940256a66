/** Faults in time: written down, or drawn from a seed. */
import { type Clock, sleep } from '../../../src/core/clock.ts';
import { type Random, seededRandom } from '../../../src/core/random.ts';
import { drawFault, type Fault } from './fault.ts';
import type { FaultProxy } from './fault-proxy.ts';

export interface ScriptedFault {
  /** From the start of the script, in milliseconds. */
  readonly at: number;
  readonly for: number;
  readonly fault: Fault;
}

export interface ScriptShape {
  /** When the last fault is over at the latest. */
  readonly ms: number;
  readonly faults: number;
  /** No fault is longer. */
  readonly faultMs: number;
}

/** The same seed gives the same script. */
export function drawScript(seed: number, { ms, faults, faultMs }: ScriptShape): readonly ScriptedFault[] {
  const random = seededRandom(seed);
  const script = Array.from({ length: faults }, () => drawEntry(random, ms, faultMs));
  return script.sort((a, b) => a.at - b.at);
}

function drawEntry(random: Random, ms: number, faultMs: number): ScriptedFault {
  const length = Math.round(Math.min(ms, random.next() * faultMs));
  return { at: Math.round(random.next() * (ms - length)), for: length, fault: drawFault(random) };
}

/** Resolves when the last fault is over. */
export async function playScript(proxy: FaultProxy, script: readonly ScriptedFault[], clock: Clock): Promise<void> {
  await Promise.all(
    script.map(async (entry) => {
      await sleep(clock, entry.at);
      const end = proxy.begin(entry.fault);
      await sleep(clock, entry.for);
      end();
    }),
  );
}
