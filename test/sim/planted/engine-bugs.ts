/** Known-bad variants of the engine: what blocks, loops, signals, waits and another try mean. Most leave a journal that is consistent in itself. */
import type { RunEvent } from '../../../src/control-plane/engine/events.ts';
import { isHandled } from '../../../src/control-plane/engine/failure.ts';
import { liveSteps } from '../../../src/control-plane/engine/frames.ts';
import { isLoopStep, type RunState } from '../../../src/control-plane/engine/state.ts';
import type { TakenOver } from '../../../src/control-plane/engine/take-over.ts';
import { type LoadedRun, RunLoader } from '../../../src/control-plane/runtime/run-loader.ts';
import type { SimSettings } from '../settings.ts';
import { afterEmit, compiles, emits, takesOver } from './engine-seams.ts';
import { type PlantedBug, planted, substitute, withFaults } from './seams.ts';

export const engineBugs: readonly PlantedBug[] = [
  {
    name: 'the other branch runs',
    seedsMax: 40,
    plant: () =>
      planted(
        emits((event) => (event.type === 'BlockStarted' && event.branch === 1 ? { ...event, branch: 0 } : event)),
      ),
  },
  {
    name: 'wait ends early',
    seedsMax: 60,
    plant: () => planted(emits(halveWait)),
  },
  {
    name: 'backoff forgotten',
    seedsMax: 60,
    plant: () => planted(emits((event) => (event.type === 'RetryScheduled' ? { ...event, dueAt: event.at } : event))),
  },
  {
    name: 'failFast lets the others go on',
    seedsMax: 100,
    plant: () =>
      planted(
        compiles((node) => node.kind === 'parallel' && node.onFailure === 'failFast' && { onFailure: 'waitAll' }),
      ),
  },
  {
    name: 'quorum counts one too few',
    seedsMax: 60,
    plant: () =>
      planted(
        compiles((node) => node.kind === 'parallel' && (node.quorum ?? 0) > 1 && { quorum: (node.quorum ?? 0) - 1 }),
      ),
  },
  {
    name: 'one try more than the policy',
    seedsMax: 40,
    plant: () =>
      planted(compiles((node) => node.kind === 'agent' && { retry: { ...node.retry, tries: node.retry.tries + 1 } })),
  },
  {
    name: 'the newest signal is taken first',
    seedsMax: 100,
    plant: () =>
      planted(
        afterEmit(({ state }, { type }) => {
          if (type === 'SignalReceived') state.signals.sort((left, right) => right.number - left.number);
        }),
      ),
  },
  {
    name: 'finally is skipped after a cancel',
    seedsMax: 60,
    plant: () =>
      planted(
        afterEmit(({ state }, event) => {
          if (event.type === 'RunEnding' && event.outcome === 'CANCELLED') state.openFinally = 0;
        }),
        { adjust: oftenCancelled },
      ),
  },
  {
    name: 'another try keeps a failed step',
    seedsMax: 60,
    plant: () => planted(takesFailuresOver(), { adjust: (settings) => ({ ...settings, retries: 1 }) }),
  },
  {
    name: 'a restart forgets an iteration',
    seedsMax: 100,
    plant: () =>
      planted(
        substitute(
          RunLoader,
          'load',
          (original) =>
            async function (this: RunLoader, ...args: never[]) {
              const loaded = (await original.apply(this, args)) as LoadedRun | undefined;
              for (const step of loaded === undefined ? [] : liveSteps(loaded.state)) {
                const loop = isLoopStep(step) ? step.detail?.loop : undefined;
                if (loop !== undefined && loop.frame === undefined && loop.iterations > 0) loop.iterations -= 1;
              }
              return loaded;
            },
        ),
        withFaults('controlPlaneKilled'),
      ),
  },
];

function halveWait(event: RunEvent): RunEvent {
  if (event.type !== 'StepWaiting' || event.dueAt === undefined) return event;
  return { ...event, dueAt: event.at + Math.floor((event.dueAt - event.at) / 2) };
}

/** A failure that `onFailure: continue` handled counts as done. */
function takesFailuresOver(): () => void {
  return takesOver((steps, state) => {
    const known = new Set(steps.map(({ path }) => path));
    const failed = state.root.steps.filter(
      (step) => step.status === 'FAILED' && step.node.kind === 'agent' && isHandled(step) && !known.has(step.path),
    );
    const kept = failed.map(
      (step): TakenOver => ({
        type: 'StepTakenOver',
        path: step.path,
        status: 'FAILED',
        number: 1,
        ...failureOf(step),
      }),
    );
    return [...steps, ...kept];
  });
}

function failureOf({ detail }: RunState['root']['steps'][number]) {
  return detail?.failure === undefined ? {} : { failure: detail.failure };
}

function oftenCancelled(settings: SimSettings): SimSettings {
  return { ...settings, cancels: 0.6 };
}
