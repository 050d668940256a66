/** Known-bad variants of maps and of steps that are child runs. */
import type { CancelChild } from '../../../src/control-plane/engine/commands.ts';
import { findStep } from '../../../src/control-plane/engine/frames.ts';
import type { MapDetail, RunState } from '../../../src/control-plane/engine/state.ts';
import { ChildRuns } from '../../../src/control-plane/runtime/child-runs.ts';
import { afterEmit, compiles } from './engine-seams.ts';
import { type PlantedBug, planted, substitute } from './seams.ts';

export const bodyBugs: readonly PlantedBug[] = [
  {
    name: 'a map gives first what came first',
    seedsMax: 100,
    plant: () => planted(givesInOrderOfEnds()),
  },
  {
    name: 'a map starts one item too many',
    seedsMax: 60,
    plant: () => planted(compiles((node) => node.kind === 'map' && { concurrency: node.concurrency + 1 })),
  },
  {
    name: 'failFast of a map does the other items',
    seedsMax: 150,
    plant: () =>
      planted(compiles((node) => node.kind === 'map' && node.onFailure === 'failFast' && { onFailure: 'waitAll' })),
  },
  {
    name: 'a cancel does not reach the child run',
    seedsMax: 150,
    plant: () =>
      planted(
        substitute(
          ChildRuns,
          'act',
          (original) =>
            function (this: ChildRuns, ...args: never[]) {
              const [, { type, ...effect }] = args as unknown as [string, CancelChild];
              return type === 'cancelChild' && !effect.kill ? undefined : original.apply(this, args);
            },
        ),
      ),
  },
  {
    name: 'the failure of a child run is ignored',
    seedsMax: 60,
    plant: () =>
      planted(
        substitute(
          ChildRuns,
          'ended',
          (original) =>
            function (this: ChildRuns, ...args: never[]) {
              const [child] = args as unknown as [RunState];
              const told = child.status === 'FAILED' ? { ...child, status: 'COMPLETED' } : child;
              return original.apply(this, [told] as never[]);
            },
        ),
      ),
  },
];

/** At last, when all COMPLETED, what each item gave stands where the item stood among those that ended, and not in the list. */
function givesInOrderOfEnds(): () => void {
  const ended = new WeakMap<MapDetail, number[]>();
  return afterEmit(({ state }, event) => {
    if (event.type !== 'BodyEnded') return;
    const map = findStep(state, event.path)?.detail?.map;
    if (map === undefined) return;
    const order = [...(ended.get(map) ?? []), event.number];
    ended.set(map, order);
    const given = order.flatMap((number) => map.outputs[number] ?? []);
    if (given.length === map.count) map.outputs = given;
  });
}
