/** Applies the events of a map: what it keeps of its items. An item that has not started is nothing but a number. */

import { type StoredValue, storedSize } from '../../core/stored-value.ts';
import type { BlockStarted, BodyEnded, BodyStarted } from './events.ts';
import { hasOwed } from './evolve-attached.ts';
import { noteStray } from './evolve-try.ts';
import { openFrame } from './frames.ts';
import { detailOf, type Frame, type MapDetail, type MapStep, type RunState } from './state.ts';
import { stepAt } from './step-tree.ts';

export function openItems(step: MapStep, { items }: BlockStarted): void {
  const detail = detailOf(step);
  const count = items?.count ?? 0;
  // Another try goes on with what it kept.
  detail.map ??= {
    items: items?.list,
    count,
    started: 0,
    ended: 0,
    next: 0,
    failed: 0,
    frames: new Map(),
    outputs: [],
    outputBytes: 0,
    kept: new Map(),
  };
  detail.openChildren = count - detail.map.ended;
  detail.completedChildren = detail.map.ended;
}

export function startItem(state: RunState, step: MapStep, { number }: BodyStarted): void {
  const map = mapOf(step);
  map.frames.set(number, openFrame(step, number, state.bodyNumberBefore));
  map.started += 1;
  map.next = number + 1;
}

export function endItem(state: RunState, step: MapStep, event: BodyEnded): void {
  const map = mapOf(step);
  const { number, status } = event;
  const output = status === undefined ? (event.output ?? ownOutput(step, number)) : undefined;
  if (output !== undefined) {
    map.outputs[number] = output;
    map.outputBytes += storedSize(output);
  }
  const frame = map.frames.get(number);
  if (frame !== undefined) leave(state, map, frame, event.at);
  map.frames.delete(number);
  map.ended += 1;
  if (status === 'FAILED' || status === 'TIMED_OUT') map.failed += 1;
}

/**
 * What is left of a map that completed is its output, how many items ended how, and what may have to be compensated. One that did not
 * keeps what its items gave: another try goes on with it.
 */
export function closeItems(state: RunState, { detail, status }: MapStep, at: number): void {
  if (detail?.map === undefined) return;
  for (const frame of detail.map.frames.values()) leave(state, detail.map, frame, at);
  detail.map.frames.clear();
  if (status !== 'COMPLETED') return;
  // What is kept may read of it.
  if (detail.map.kept.size === 0) detail.map.items = undefined;
  detail.map.outputs = [];
}

function leave(state: RunState, { kept }: MapDetail, frame: Frame, at: number): void {
  noteStray(state, frame, at);
  if (hasOwed(frame)) kept.set(frame.number, frame);
}

function ownOutput(step: MapStep, number: number): StoredValue | undefined {
  const frame = mapOf(step).frames.get(number);
  return frame === undefined ? undefined : stepAt(frame, step.node.children[0] ?? -1).detail?.output;
}

function mapOf(step: MapStep): MapDetail {
  const map = step.detail?.map;
  if (map === undefined) throw new RangeError(`an item of "${step.path}", which is no open map`);
  return map;
}
