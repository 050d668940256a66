/** Frames of a run: how one opens, and how a step is found in them by its path or by what an expression names. */
import { limits } from '../../core/limits.ts';
import type { CompiledNode } from '../../workflow/compiled.ts';
import {
  type AgentStep,
  type BodyStep,
  createFrame,
  type Frame,
  isAgentStep,
  isBodyStep,
  isMapStep,
  type RunState,
  type Step,
} from './state.ts';
import { framesOf, isCalledFor } from './step-tree.ts';

/** The frame of iteration or item `number`. */
export function openFrame(owner: BodyStep, number: number, numbersBefore: number): Frame {
  const last = owner.detail?.loop?.last;
  const prefix = `${owner.path}/${number}/`;
  return createFrame(owner.node.body, { prefix, owner, number, numbersBefore, last });
}

/** The step that an expression of `frame` means by the index of its node. */
export function stepByIndex(state: RunState, frame: Frame, index: number): Step {
  const node = state.workflow.nodes[index];
  for (let at: Frame | undefined = frame; at !== undefined; at = at.owner?.frame) {
    const step = node === undefined ? undefined : at.steps[node.slot];
    if (step !== undefined && step.node === node) return step;
  }
  throw new RangeError(`no step ${index} can be seen from frame "${frame.prefix}" of run "${state.runId}"`);
}

/** Undefined when the run has no such step, or has it no longer: the iteration or the item is over. */
export function findStep(state: RunState, path: string): Step | undefined {
  return stepById(state, state.root, path) ?? (path.includes('/') ? findInside(state, path) : undefined);
}

/** For events: they name steps that are there. */
export function stepNamed(state: RunState, path: string): Step {
  const step = findStep(state, path);
  if (step === undefined) throw new RangeError(`the journal of run "${state.runId}" names an unknown step "${path}"`);
  return step;
}

/** `poll/3/check`: the loop or the map, its iteration or item, and so on inwards. */
function findInside(state: RunState, path: string): Step | undefined {
  const parts = path.split('/');
  let frame: Frame | undefined = state.root;
  for (let i = 0; i + 2 < parts.length && frame !== undefined; i += 2) {
    const owner = stepById(state, frame, parts[i] ?? '');
    frame = owner === undefined ? undefined : frameAt(owner, parts[i + 1] ?? '');
  }
  return frame === undefined || parts.length % 2 === 0 ? undefined : stepById(state, frame, parts.at(-1) ?? '');
}

/** The iteration or the item of that number: one that runs, or one that is kept. */
function frameAt({ detail }: Step, key: string): Frame | undefined {
  const { loop, map } = detail ?? {};
  const number = Number(key);
  const running = map?.frames.get(number) ?? (loop?.frame?.number === number ? loop.frame : undefined);
  const frame = running ?? map?.kept.get(number) ?? loop?.kept.get(number);
  return String(frame?.number) === key ? frame : undefined;
}

const NO_FRAMES: Iterable<Frame> = [];

/** Iterations and items that ended and may have to be compensated. */
export function keptFrames({ detail }: Step): Iterable<Frame> {
  return (detail?.loop ?? detail?.map)?.kept.values() ?? NO_FRAMES;
}

/** The step that somebody reports of. Of an iteration or an item that ended only compensations are still worked on. */
export function findAgentStep(state: RunState, path: string): AgentStep | undefined {
  const step = findStep(state, path);
  if (step === undefined || !isAgentStep(step)) return undefined;
  return step.node.attached?.kind === 'compensate' || !isLeftBehind(step.frame) ? step : undefined;
}

/** Without a look at the other items. */
function isRunning(frame: Frame, { detail }: Step): boolean {
  return (detail?.loop?.frame ?? detail?.map?.frames.get(frame.number)) === frame;
}

/** An iteration or an item that ended, or one inside of such. */
function isLeftBehind(frame: Frame): boolean {
  for (let at = frame; at.owner !== undefined; at = at.owner.frame) if (!isRunning(at, at.owner)) return true;
  return false;
}

function stepById(state: RunState, frame: Frame, id: string): Step | undefined {
  const node = state.workflow.nodes[state.workflow.indexById.get(id) ?? -1];
  const step = node === undefined ? undefined : frame.steps[node.slot];
  return step?.node === node ? step : undefined;
}

/** The node of a step by its path, also when its iteration or item is over. */
export function nodeOf(state: RunState, path: string): CompiledNode | undefined {
  return state.workflow.nodes[state.workflow.indexById.get(path.slice(path.lastIndexOf('/') + 1)) ?? -1];
}

/** Every step of the run that is in memory, blocks before what is in them; of iterations that ended the compensations that were called for. */
export function liveSteps(state: RunState): readonly Step[] {
  const { root, workflow } = state;
  return workflow.nodes.length === workflow.rootNodes.length ? root.steps : collect(root, []);
}

/** Those of them that an answer lists: of a map the items that have run longest. */
export function shownSteps(state: RunState): readonly Step[] {
  return collect(state.root, [], limits.mapItemsShown);
}

function collect(frame: Frame, into: Step[], itemsMax = Number.POSITIVE_INFINITY): Step[] {
  for (const step of frame.steps) {
    into.push(step);
    if (!isBodyStep(step)) continue;
    const most = isMapStep(step) ? itemsMax : Number.POSITIVE_INFINITY;
    for (const kept of [...keptFrames(step)].slice(0, most)) collectCalled(kept, into);
    for (const inside of framesOf(step).slice(0, most)) collect(inside, into, itemsMax);
  }
  return into;
}

function collectCalled(frame: Frame, into: Step[]): void {
  for (const step of frame.steps) {
    if (step.node.attached?.kind === 'compensate' && isCalledFor(step)) into.push(step);
    for (const inside of [...keptFrames(step), ...framesOf(step)]) collectCalled(inside, into);
  }
}
