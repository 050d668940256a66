/**
 * A run's state as a tree of plain values, and back: for a snapshot. What it shares with the definition (nodes) and what points
 * upwards (owners, frames) is left out and put back by place. Fields are taken as they are found, so that a new one is in it without
 * a word here; see `runtime/snapshots.ts` for what else it means.
 */
import type { CompiledNode, CompiledWorkflow } from '../../workflow/compiled.ts';
import {
  type BodyStep,
  type Frame,
  isBodyStep,
  type LoopDetail,
  type MapDetail,
  type RunState,
  Step,
  type StepDetail,
} from './state.ts';

export interface PlainRun extends Omit<RunState, 'workflow' | 'root'> {
  readonly workflow: Pick<CompiledWorkflow, 'name' | 'version'>;
  readonly root: PlainFrame;
}

interface PlainFrame extends Omit<Frame, 'owner' | 'steps'> {
  readonly steps: readonly PlainStep[];
}

interface PlainStep extends Omit<Step, 'node' | 'frame' | 'path' | 'detail'> {
  readonly detail: PlainDetail | undefined;
}

interface PlainDetail extends Omit<StepDetail, 'loop' | 'map'> {
  readonly loop: PlainLoop | undefined;
  readonly map: PlainMap | undefined;
}

interface PlainLoop extends Omit<LoopDetail, 'frame' | 'kept'> {
  readonly frame: PlainFrame | undefined;
  readonly kept: ReadonlyMap<number, PlainFrame>;
}

interface PlainMap extends Omit<MapDetail, 'frames' | 'kept'> {
  readonly frames: ReadonlyMap<number, PlainFrame>;
  readonly kept: ReadonlyMap<number, PlainFrame>;
}

/** Shares with `state` whatever is not a frame: it is to be read at once. */
export function toPlain(state: RunState): PlainRun {
  const { name, version } = state.workflow;
  return { ...state, workflow: { name, version }, root: plainFrame(state.root) };
}

/** The state belongs to the caller, and so does `plain` no longer. Throws RangeError when it does not fit the workflow. */
export function fromPlain(plain: PlainRun, workflow: CompiledWorkflow): RunState {
  return { ...plain, workflow, root: liveFrame(plain.root, undefined, workflow.rootNodes) };
}

function plainFrame({ owner: _, steps, ...place }: Frame): PlainFrame {
  return { ...place, steps: steps.map(plainStep) };
}

function plainStep({ node: _, frame: __, detail, ...own }: Step): PlainStep {
  return { ...own, detail: detail && plainDetail(detail) };
}

function plainDetail(detail: StepDetail): PlainDetail {
  const { loop, map } = detail;
  return {
    ...detail,
    loop: loop && { ...loop, frame: loop.frame && plainFrame(loop.frame), kept: plainFrames(loop.kept) },
    map: map && { ...map, frames: plainFrames(map.frames), kept: plainFrames(map.kept) },
  };
}

function plainFrames(frames: ReadonlyMap<number, Frame>): ReadonlyMap<number, PlainFrame> {
  return new Map([...frames].map(([number, frame]) => [number, plainFrame(frame)]));
}

function liveFrame(plain: PlainFrame, owner: BodyStep | undefined, nodes: readonly CompiledNode[]): Frame {
  const frame: Frame = { ...plain, owner, steps: [] };
  for (const [slot, node] of nodes.entries()) {
    const step = plain.steps[slot];
    if (step === undefined) throw new RangeError(`frame "${plain.prefix}" lacks step "${node.id}"`);
    frame.steps.push(liveStep(step, node, frame));
  }
  if (plain.steps.length !== nodes.length) throw new RangeError(`frame "${plain.prefix}" has steps of no node`);
  return frame;
}

function liveStep({ detail, ...own }: PlainStep, node: CompiledNode, frame: Frame): Step {
  const step = Object.assign(new Step(node, frame), own);
  if (detail !== undefined) step.detail = liveDetail(detail, step);
  return step;
}

function liveDetail({ loop, map, ...own }: PlainDetail, step: Step): StepDetail {
  const detail: StepDetail = { ...own, loop: undefined, map: undefined };
  if (loop === undefined && map === undefined) return detail;
  if (!isBodyStep(step)) throw new RangeError(`step "${step.path}" has no body`);
  return { ...detail, loop: loop && liveLoop(loop, step), map: map && liveMap(map, step) };
}

function liveLoop(loop: PlainLoop, owner: BodyStep): LoopDetail {
  return {
    ...loop,
    frame: loop.frame && liveFrame(loop.frame, owner, owner.node.body),
    kept: liveFrames(loop.kept, owner),
  };
}

function liveMap(map: PlainMap, owner: BodyStep): MapDetail {
  return { ...map, frames: liveFrames(map.frames, owner), kept: liveFrames(map.kept, owner) };
}

function liveFrames(frames: ReadonlyMap<number, PlainFrame>, owner: BodyStep): Map<number, Frame> {
  return new Map([...frames].map(([number, frame]) => [number, liveFrame(frame, owner, owner.node.body)]));
}
