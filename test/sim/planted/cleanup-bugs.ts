/** Known-bad variants of what follows a failure: fallbacks, compensations and another try of the run. */
import type { RunEvent } from '../../../src/control-plane/engine/events.ts';
import { isStepOver } from '../../../src/control-plane/engine/status.ts';
import { inlineValue } from '../../../src/core/stored-value.ts';
import { NULL_VALUE } from '../../../src/core/value.ts';
import { afterEmit, compiles, emits, takesOver } from './engine-seams.ts';
import { type PlantedBug, planted } from './seams.ts';

export const cleanupBugs: readonly PlantedBug[] = [
  {
    name: 'compensations in the order of completion',
    seedsMax: 60,
    plant: () =>
      planted(
        afterEmit(({ state }, { type }) => {
          if (type === 'RunEnding') state.owed.reverse();
        }),
      ),
  },
  {
    name: 'a compensation is left out after another try',
    seedsMax: 100,
    plant: () =>
      planted(
        afterEmit(({ state }, { type }) => {
          if (type === 'RunTryStarted') state.owed.shift();
        }),
      ),
  },
  {
    name: 'what the fallback gave is ignored',
    seedsMax: 60,
    plant: () => {
      const fallen = new Set<string>();
      return planted(emits((event, { state }) => ignoreFallback(event, `${state.runId}/`, fallen)));
    },
  },
  {
    name: 'blocks have no fallback',
    seedsMax: 60,
    plant: () => planted(compiles((node) => node.kind !== 'agent' && { fallback: undefined })),
  },
  {
    name: 'another try starts completed steps again',
    seedsMax: 60,
    plant: () =>
      planted(
        emits((event, { state }) => {
          if (event.type !== 'RunTryStarted') return event;
          const all = state.root.steps.filter(({ node, status }) => node.attached === undefined && isStepOver(status));
          return { ...event, again: all.map(({ path }) => path) };
        }),
      ),
  },
  {
    name: 'another try forgets iterations and items',
    seedsMax: 60,
    plant: () =>
      planted(
        emits((event) => {
          if (event.type !== 'RunTryStarted') return event;
          const { continued: _, ...more } = event;
          return { ...more, again: event.again.filter((path) => !path.includes('/')) };
        }),
      ),
  },
  {
    name: 'another run keeps nothing of the iteration that was cut short',
    seedsMax: 60,
    plant: () =>
      planted(takesOver((steps) => steps.filter(({ path, type }) => type !== 'StepTakenOver' || !path.includes('/')))),
  },
];

/** The step completes with null. */
function ignoreFallback(event: RunEvent, run: string, fallen: Set<string>): RunEvent {
  if (event.type === 'StepFellBack') fallen.add(run + event.path);
  if (event.type !== 'StepCompleted' || !fallen.has(run + event.path)) return event;
  return { ...event, output: inlineValue(NULL_VALUE) };
}
