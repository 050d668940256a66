/** Frames of a run: how one opens, and how a step is found in them by its path or by what an expression names. */
import type { CompiledNode } from '../../workflow/compiled.ts';
import {
  type AgentStep,
  createFrame,
  type Frame,
  isAgentStep,
  isLoopStep,
  type LoopStep,
  type RunState,
  type Step,
} from './state.ts';

/** The frame of the loop's iteration `number`. */
export function openFrame(owner: LoopStep, number: number, numbersBefore: number): Frame {
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

/** Undefined when the run has no such step, or has it no longer: the iteration is over. */
export function findStep(state: RunState, path: string): Step | undefined {
  return stepById(state, state.root, path) ?? (path.includes('/') ? findInside(state, path) : undefined);
}

/** `poll/3/check`: the loop, its iteration, and so on inwards. */
function findInside(state: RunState, path: string): Step | undefined {
  const parts = path.split('/');
  let frame: Frame | undefined = state.root;
  for (let i = 0; i + 2 < parts.length && frame !== undefined; i += 2) {
    const owner = stepById(state, frame, parts[i] ?? '');
    const inside: Frame | undefined = owner === undefined ? undefined : frameOf(owner);
    frame = String(inside?.number) === parts[i + 1] ? inside : undefined;
  }
  return frame === undefined || parts.length % 2 === 0 ? undefined : stepById(state, frame, parts.at(-1) ?? '');
}

/** The iteration that runs in a loop. */
function frameOf(step: Step): Frame | undefined {
  return isLoopStep(step) ? step.detail?.loop?.frame : undefined;
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

/** The node of a step by its path, also when its iteration is over. */
export function nodeOf(state: RunState, path: string): CompiledNode | undefined {
  return state.workflow.nodes[state.workflow.indexById.get(path.slice(path.lastIndexOf('/') + 1)) ?? -1];
}

/** Every step that is in memory, blocks before what is in them. */
export function liveSteps(state: RunState): readonly Step[] {
  const { root, workflow } = state;
  return workflow.nodes.length === workflow.rootNodes.length ? root.steps : collect(root, []);
}

function collect(frame: Frame, into: Step[]): Step[] {
  for (const step of frame.steps) {
    into.push(step);
    const inside = frameOf(step);
    if (inside !== undefined) collect(inside, into);
  }
  return into;
}
