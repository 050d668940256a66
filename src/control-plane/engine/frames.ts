/** Frames of a run: how one opens, and how a step is found in them by its path or by what an expression names. */
import { limits } from '../../core/limits.ts';
import type { CompiledNode } from '../../workflow/compiled.ts';
import {
  type AgentStep,
  type BodyStep,
  createFrame,
  type Frame,
  framesOf,
  isAgentStep,
  isBodyStep,
  type RunState,
  type Step,
} from './state.ts';

/** The frame of iteration or item `number`. */
export function openFrame(owner: BodyStep, number: number, numbersBefore: number): Frame {
  return createFrame(owner.node.body, owner, number, `${owner.path}/${number}/`, numbersBefore);
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

/** The iteration or the item of that number, if it runs. */
function frameAt({ detail }: Step, number: string): Frame | undefined {
  const frame = detail?.map?.frames.get(Number(number)) ?? detail?.loop?.frame;
  return String(frame?.number) === number ? frame : undefined;
}

export function findAgentStep(state: RunState, path: string): AgentStep | undefined {
  const step = findStep(state, path);
  return step !== undefined && isAgentStep(step) ? step : undefined;
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

/** Every step that is in memory, blocks before what is in them. */
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
    if (isBodyStep(step)) for (const inside of framesOf(step).slice(0, itemsMax)) collect(inside, into, itemsMax);
  }
  return into;
}
