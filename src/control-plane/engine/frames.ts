/** Frames of a run: how one opens, and how a step is found in them by its path or by what an expression names. */
import type { CompiledNode } from '../../workflow/compiled.ts';
import {
  type AgentStep,
  createFrame,
  type Frame,
  isAgentStep,
  isCalledFor,
  isLoopStep,
  type LoopStep,
  type RunState,
  type Step,
} from './state.ts';

/** The frame of the loop's iteration `number`. */
export function openFrame(owner: LoopStep, number: number): Frame {
  const last = owner.detail?.loop?.last;
  return createFrame(owner.node.body, { prefix: `${owner.path}/${number}/`, owner, number, last });
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
    frame = owner === undefined ? undefined : frameNamed(owner, parts[i + 1] ?? '');
  }
  return frame === undefined || parts.length % 2 === 0 ? undefined : stepById(state, frame, parts.at(-1) ?? '');
}

/** The iteration that runs in a loop. */
function frameOf(step: Step): Frame | undefined {
  return isLoopStep(step) ? step.detail?.loop?.frame : undefined;
}

/** The iteration of that number: the one that runs, or one that is kept. */
function frameNamed(step: Step, number: string): Frame | undefined {
  const running = frameOf(step);
  if (running !== undefined && String(running.number) === number) return running;
  const kept = step.detail?.loop?.kept.get(Number(number));
  return String(kept?.number) === number ? kept : undefined;
}

const NO_FRAMES: Iterable<Frame> = [];

/** Iterations that ended and may have to be compensated. */
export function keptFrames(step: Step): Iterable<Frame> {
  return step.detail?.loop?.kept.values() ?? NO_FRAMES;
}

/** The step that somebody reports of. Of an iteration that ended well only compensations are still worked on. */
export function findAgentStep(state: RunState, path: string): AgentStep | undefined {
  const step = findStep(state, path);
  if (step === undefined || !isAgentStep(step)) return undefined;
  return step.node.attached?.kind === 'compensate' || !isLeftBehind(step.frame) ? step : undefined;
}

/** An iteration that ended, or one inside of such an iteration. */
function isLeftBehind(frame: Frame): boolean {
  for (let at = frame; at.owner !== undefined; at = at.owner.frame) if (frameOf(at.owner) !== at) return true;
  return false;
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

/** Every step of the run that is in memory, blocks before what is in them; of iterations that ended the compensations that were called for. */
export function liveSteps(state: RunState): readonly Step[] {
  const { root, workflow } = state;
  return workflow.nodes.length === workflow.rootNodes.length ? root.steps : collect(root, []);
}

function collect(frame: Frame, into: Step[]): Step[] {
  for (const step of frame.steps) {
    into.push(step);
    for (const kept of keptFrames(step)) collectCalled(kept, into);
    const inside = frameOf(step);
    if (inside !== undefined) collect(inside, into);
  }
  return into;
}

function collectCalled(frame: Frame, into: Step[]): void {
  for (const step of frame.steps) {
    if (step.node.attached?.kind === 'compensate' && isCalledFor(step)) into.push(step);
    for (const kept of keptFrames(step)) collectCalled(kept, into);
  }
}
