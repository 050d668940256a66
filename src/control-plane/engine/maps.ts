/**
 * A map runs its body once for each item of a list, so many at a time, each in a frame of its own. What an event costs does not grow
 * with the list: the next item is a number, an item that ended is told by its own step, and the map counts.
 */
import { toYardmasterError } from '../../core/errors.ts';
import type { StoredValue } from '../../core/stored-value.ts';
import { finishBlock, settleQuorum } from './blocks.ts';
import { type Draft, MissingValues } from './decision.ts';
import { countItems } from './items.ts';
import { refuseLargeOutputs } from './map-output.ts';
import { bodyOutput, evaluateTemplate, keepValue } from './outputs.ts';
import { isMapStep, type MapDetail, type MapStep, type Step } from './state.ts';
import { isStepOver } from './status.ts';
import { stepAt } from './step-tree.ts';
import { isStopping, stopBlock } from './stop.ts';

/**
 * Evaluates the list, once: another try goes on with the list of the items that it kept. Throws MissingValues, and what is wrong with
 * the list, before it has emitted anything.
 */
export function openMap(draft: Draft, step: MapStep): void {
  const { node, path, frame } = step;
  const { items: known, count: knownCount = 0, ended: kept = 0 } = step.detail?.map ?? {};
  if (known !== undefined) {
    const items = { list: known, count: knownCount, ...(kept === 0 ? {} : { kept }) };
    return draft.emit({ type: 'BlockStarted', at: draft.now, path, items });
  }
  const list = evaluateTemplate(draft, frame, node.items, `items/${path}`);
  const count = countItems(draft, list, path);
  draft.emit({ type: 'BlockStarted', at: draft.now, path, items: { list, count } });
}

/** A map that is open: more items begin, or it ends. */
export function lookAtMap(draft: Draft, step: MapStep): void {
  const { detail } = step;
  if (detail?.map === undefined) return;
  settleQuorum(draft, step);
  const isClosing = detail.stoppingUntil > 0 || isStopping(draft.state, step);
  if (!isClosing) startItems(draft, step, detail.map);
  const { frames, started, count } = detail.map;
  if (frames.size === 0 && (isClosing || started === count)) finishBlock(draft, step);
}

/** As many as the window has room for. */
function startItems(draft: Draft, step: MapStep, map: MapDetail): void {
  if (draft.state.pausedAt > 0) return;
  const { path, node } = step;
  const opened: Step[] = [];
  while (map.started < map.count && map.frames.size < node.concurrency) {
    const number = nextItem(map);
    draft.emit({ type: 'BodyStarted', at: draft.now, path, number });
    const frame = map.frames.get(number);
    if (frame !== undefined) opened.push(stepAt(frame, node.children[0] ?? -1));
  }
  draft.work.push(...opened.toReversed());
}

/** As many as are in front of `next` have started when none behind it is done from an earlier try. */
function nextItem({ next, started, outputs }: MapDetail): number {
  let number = next;
  if (started === next) return number;
  while (outputs[number] !== undefined) number += 1;
  return number;
}

/** A step is over. If it is that of an item, the item is, too; otherwise nothing follows from it here. */
export function endItem(draft: Draft, step: Step): void {
  const { frame, node, status } = step;
  const { owner, number } = frame;
  if (
    owner === undefined ||
    node.parent >= 0 ||
    node.attached !== undefined ||
    !isMapStep(owner) ||
    !isStepOver(status)
  )
    return;
  const frames = owner.detail?.map?.frames;
  if (frames?.get(number) !== frame) return;
  const ended = { type: 'BodyEnded', at: draft.now, path: owner.path, number } as const;
  try {
    if (status === 'COMPLETED') draft.emit({ ...ended, ...madeOutput(draft, step) });
    else draft.emit({ ...ended, status });
    refuseLargeOutputs(owner);
  } catch (error) {
    if (error instanceof MissingValues) return draft.postpone(step.path, error);
    const { code, message } = toYardmasterError(error, 'BAD_EXPRESSION');
    if (frames.has(number)) draft.emit({ ...ended, status: 'FAILED' });
    stopBlock(draft, owner, { code, message, path: owner.path });
  }
  draft.work.push(owner);
}

/** What the event has to say of the output: nothing when it is what the step itself gave. */
function madeOutput(draft: Draft, step: Step): { readonly output?: StoredValue } {
  if (step.detail?.output !== undefined) return {};
  return { output: keepValue(draft, bodyOutput(draft, step), `item/${step.path}`) };
}
