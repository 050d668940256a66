/** Known-bad variants of the wait for stops that nobody may have heard; see planted-bugs.ts. */
import { Unheard } from '../../../src/control-plane/registry/unheard.ts';
import type { SimSettings } from '../settings.ts';
import { type PlantedBug, substitute } from './seams.ts';

/** Windows that are longer than the grace of a stop, work that is longer than both, and a slow network that is silent often. */
const options = {
  adjust: (settings: SimSettings): SimSettings => ({
    ...settings,
    agents: 4,
    beatIntervalMs: 5_000,
    lossWindowMs: 30_000,
    pauseMs: 1_000,
    stormMs: 120_000,
    kinds: ['blackHole'],
    network: { latencyMs: [200, 1_500], duplicates: 0, windowBytes: 65_536 },
    runs: 12,
    slotsMax: 8,
    behaviour: { ...settings.behaviour, workMs: 60_000 },
  }),
};

export const unheardBugs: readonly PlantedBug[] = [
  {
    name: 'a step is given away after the grace, heard or not',
    seedsMax: 60,
    plant: () => {
      const removes = ['until', 'untilOfRun'].map((name) => substitute(Unheard, name, () => () => 0));
      return { options, remove: () => removes.forEach((remove) => void remove()) };
    },
  },
];
