/**
 * What another try keeps of loops and maps that were cut short: the iterations that ended, the iteration that did not with the steps
 * that are done in it, and the items that completed. Part of `evolve`; what is kept is decided in again.ts.
 */

import { storedSize } from '../../core/stored-value.ts';
import type { BodiesTakenOver, ItemOutput } from './events.ts';
import { openFrame } from './frames.ts';
import { detailOf, isLoopStep, isMapStep, type LoopDetail, type MapDetail, type RunState, type Step } from './state.ts';

/** Of a run that is another try of one that ended: the loop or the map has not opened yet. */
export function takeBodiesOver(state: RunState, step: Step, { kept }: BodiesTakenOver): void {
  const detail = detailOf(step);
  if (isMapStep(step) && kept !== undefined && 'list' in kept) {
    detail.map = mapOf(kept.list, kept.count, kept.outputs);
  } else if (isLoopStep(step) && (kept === undefined || 'last' in kept)) {
    const { iterations = 0, last } = kept ?? {};
    const loop: LoopDetail = { frame: undefined, iterations, last, kept: new Map() };
    detail.loop = loop;
    // Its steps are there before it begins, so that those which are done can be taken over.
    loop.frame = openFrame(step, iterations + 1, state.bodyNumberBefore);
  } else
    throw new RangeError(`the journal of run "${state.runId}" goes on with "${step.path}", which has no such bodies`);
}

function mapOf(list: MapDetail['items'], count: number, done: readonly ItemOutput[]): MapDetail {
  const outputs: MapDetail['outputs'] = [];
  let outputBytes = 0;
  for (const { number, output } of done) {
    outputs[number] = output;
    outputBytes += storedSize(output);
  }
  return {
    items: list,
    count,
    started: done.length,
    ended: done.length,
    next: 0,
    failed: 0,
    frames: new Map(),
    outputs,
    outputBytes,
    kept: new Map(),
  };
}

/** Of a map that starts again in the same run. What is kept of items that start again is gone. */
export function keepItems(map: MapDetail): MapDetail {
  const done = itemOutputs(map);
  const kept = [...map.kept].filter(([number]) => map.outputs[number] !== undefined);
  return { ...mapOf(map.items, map.count, done), kept: new Map(kept) };
}

/** Of the items that COMPLETED, in their order. */
export function itemOutputs({ outputs }: MapDetail): readonly ItemOutput[] {
  const done: ItemOutput[] = [];
  for (const [number, output] of outputs.entries()) if (output !== undefined) done.push({ number, output });
  return done;
}

/** Of a loop that starts again in the same run. The iteration that was cut short is not counted; it goes on, or begins anew. */
export function keepIterations({ frame, iterations, last, kept }: LoopDetail, goesOn: boolean): LoopDetail {
  const ended = frame === undefined ? iterations : frame.number - 1;
  return { kept, frame: goesOn ? frame : undefined, iterations: ended, last };
}
