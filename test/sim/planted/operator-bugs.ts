/** Known-bad variants of what operators do to the fleet; see planted-bugs.ts. */
import { Fleet } from '../../../src/control-plane/registry/fleet.ts';
import { AgentLabelling } from '../../../src/control-plane/runtime/agent-labelling.ts';
import type { SimSettings } from '../settings.ts';
import type { SimOptions } from '../simulate.ts';
import { type PlantedBug, substitute } from './seams.ts';

const options: SimOptions = { adjust: (settings) => withOperator(settings) };

function withOperator(settings: SimSettings): SimSettings {
  return { ...settings, operatorPauseMs: 600 };
}

export const operatorBugs: readonly PlantedBug[] = [
  {
    name: 'labels of operators forgotten by a restart',
    seedsMax: 40,
    plant: () => ({
      options: {
        adjust: (settings) => ({
          ...withOperator(settings),
          kinds: [...new Set([...settings.kinds, 'controlPlaneKilled' as const])],
        }),
      },
      remove: substitute(AgentLabelling, 'load', () => () => Promise.resolve()),
    }),
  },
  {
    name: 'labels of operators that steps are not matched with',
    seedsMax: 40,
    plant: () => ({
      options,
      remove: substitute(
        Fleet,
        'label',
        (original) =>
          function (this: Fleet, ...args: never[]) {
            original.apply(this, args);
            return [];
          },
      ),
    }),
  },
  {
    name: 'labels of operators that hold when they were taken away',
    seedsMax: 40,
    plant: () => ({
      options,
      remove: substitute(
        Fleet,
        'label',
        (original) =>
          function (this: Fleet, ...args: never[]) {
            const [{ agentId }] = args as unknown as Parameters<Fleet['label']>;
            const before = [...this.instances.values()].map((it) => ({ it, labels: it.operatorLabels }));
            const actions = original.apply(this, args);
            for (const { it, labels } of before)
              if (it.agentId === agentId) it.operatorLabels = { ...labels, ...it.operatorLabels };
            return actions;
          },
      ),
    }),
  },
  {
    name: 'a cordon that keeps no work away',
    seedsMax: 20,
    plant: () => ({
      options,
      remove: substitute(
        Fleet,
        'operate',
        (original) =>
          function (this: Fleet, ...args: never[]) {
            const [operation, instance] = args as unknown as Parameters<Fleet['operate']>;
            const { status } = instance;
            const actions = original.apply(this, args);
            if (operation === 'cordon') instance.status = status;
            return actions;
          },
      ),
    }),
  },
];
