/** Known-bad variants of the calls between agents; see planted-bugs.ts. */
import type { CallRequest } from '../../../src/control-plane/runtime/call-plane.ts';
import { Calls } from '../../../src/control-plane/runtime/calls.ts';
import type { AttemptKey } from '../../../src/core/ids.ts';
import type { SimSettings } from '../settings.ts';
import { type PlantedBug, substitute } from './seams.ts';

const options = {
  adjust: (settings: SimSettings): SimSettings => ({ ...settings, calls: 0.5 }),
};

export const callBugs: readonly PlantedBug[] = [
  {
    name: 'call not cancelled at the end of its step',
    seedsMax: 10,
    plant: () => ({ options, remove: substitute(Calls, 'decided', () => () => undefined) }),
  },
  {
    name: 'open calls forgotten by a restart',
    seedsMax: 40,
    plant: () => ({
      options: {
        adjust: (settings: SimSettings): SimSettings => ({
          ...options.adjust(settings),
          kinds: [...new Set([...settings.kinds, 'controlPlaneKilled' as const])],
        }),
      },
      remove: substitute(Calls, 'recover', () => () => undefined),
    }),
  },
  {
    name: 'call of an attempt, not of its step',
    seedsMax: 20,
    plant: () => ({
      options,
      remove: substitute(
        Calls,
        'findOrBegin',
        (original) =>
          function (this: Calls, ...args: never[]) {
            const [attempt, request] = args as unknown as [AttemptKey, CallRequest];
            const own = { ...request, key: `${request.key}#${attempt.number}` };
            return original.apply(this, [attempt, own] as never[]);
          },
      ),
    }),
  },
];
