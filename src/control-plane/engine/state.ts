/**
 * The live state of one run: the fold of its events, changed in place by `evolve` alone. It belongs to the run's mailbox;
 * nobody else holds a reference.
 *
 * Invariants: 1. slot `i` of a frame is the step of node `i` of its body; 2. counters (`pendingDependencies`, `openChildren`, `openRoots`) are
 * what a count over the steps would give; 3. nothing here grows with the size of
 * an output, or with the iterations that a loop has behind it.
 */
import type { SecretMark } from '../../core/secret-mark.ts';
import type { StoredValue } from '../../core/stored-value.ts';
import type {
  CompiledAgentNode,
  CompiledBlockNode,
  CompiledLoopNode,
  CompiledNode,
  CompiledSignalNode,
  CompiledWaitNode,
  CompiledWorkflow,
} from '../../workflow/compiled.ts';
import type { Priority } from '../../workflow/definition.ts';
import type { Failure, RunCreated, SkipReason } from './events.ts';
import type { AttemptOutcome, RunOutcome, RunStatus, StepStatus } from './status.ts';

export interface RunState {
  readonly runId: string;
  readonly namespace: string;
  readonly workflow: CompiledWorkflow;
  readonly params: StoredValue;
  readonly priority: Priority;
  readonly requestId: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** The ended run that this one is another try of. */
  readonly retryOf: string | undefined;
  readonly createdAt: number;
  /** Number of events so far. */
  position: number;
  status: RunStatus;
  startedAt: number;
  endedAt: number;
  /** Wall ms; 0: none. While ENDING it is the end of the cleanup. */
  deadlineAt: number;
  cancelRequests: number;
  /** Wall ms since when nothing new starts; 0: not paused. */
  pausedAt: number;
  ending: Ending | undefined;
  output: StoredValue | undefined;
  failure: Failure | undefined;
  cleanupFailures: Failure[];
  /** Top-level nodes of the body, and of `finally`, that are not over. */
  openRoots: number;
  openFinally: number;
  /** Names of the secrets that inputs refer to: what comes back is cleared of their values. */
  secrets: readonly string[];
  /** The steps outside of every body. */
  readonly root: Frame;
  /** Signals that no step has taken, in the order in which they came. */
  signals: KeptSignal[];
  signalCount: number;
  /** Names of the signals by the request id that they came with. */
  readonly signalRequests: Map<string, string>;
}

export interface KeptSignal {
  readonly name: string;
  readonly number: number;
  readonly payload: StoredValue;
  readonly actor: string | undefined;
}

export interface Ending {
  readonly outcome: RunOutcome;
  readonly failure: Failure | undefined;
  readonly output: StoredValue | undefined;
}

/**
 * One body being run: the steps outside of every body (the root of a run), or those of one iteration of a loop. It lives
 * from BodyStarted to BodyEnded. Edges are slots of a frame; what is read elsewhere is found outwards, frame by frame.
 */
export interface Frame {
  /** In front of the ids of its steps: '' at the root, `poll/3/` in the third iteration of `poll`. */
  readonly prefix: string;
  /** The loop; undefined at the root. */
  readonly owner: LoopStep | undefined;
  /** Of the iteration, from 1; 0 at the root. */
  readonly number: number;
  /** By slot. */
  readonly steps: Step[];
}

/** One step of a run. Kept small: 100,000 may wait at once. Everything rare is in `detail`. */
export class Step<N extends CompiledNode = CompiledNode> {
  readonly node: N;
  readonly frame: Frame;
  status: StepStatus = 'PENDING';
  pendingDependencies: number;
  /** True while the step waits for an agent (also beside an unreachable attempt that is still LIVE). */
  isQueued = false;
  /** Tries that ended in a counted failure. */
  failedTries = 0;
  /** Wall ms of READY or BlockStarted, and of the latest queueing. */
  readyAt = 0;
  queuedAt = 0;
  input: StoredValue | undefined = undefined;
  detail: StepDetail | undefined = undefined;

  constructor(node: N, frame: Frame) {
    this.node = node;
    this.frame = frame;
    this.pendingDependencies = node.dependencies.length;
  }

  get path(): string {
    const { prefix } = this.frame;
    return prefix === '' ? this.node.id : prefix + this.node.id;
  }
}

export type AgentStep = Step<CompiledAgentNode>;
export type BlockStep = Step<CompiledBlockNode>;
export type SignalStep = Step<CompiledSignalNode>;
export type WaitingStep = Step<CompiledWaitNode | CompiledSignalNode>;
export type LoopStep = Step<CompiledLoopNode>;

export function isAgentStep(step: Step): step is AgentStep {
  return step.node.kind === 'agent';
}

export function isBlockStep(step: Step): step is BlockStep {
  return 'children' in step.node;
}

/** Of a kind that nobody works on. */
export function isWaitingStep(step: Step): step is WaitingStep {
  return step.node.kind === 'wait' || step.node.kind === 'signal';
}

export function isSignalStep(step: Step): step is SignalStep {
  return step.node.kind === 'signal';
}

export function isLoopStep(step: Step): step is LoopStep {
  return step.node.kind === 'loop';
}

export interface StepDetail {
  attempts: AttemptRecord[];
  /** Of an agent step: where secrets stand in its input. */
  secrets: readonly SecretMark[] | undefined;
  output: StoredValue | undefined;
  failure: Failure | undefined;
  endedAt: number;
  /** It was over when the run began, after so many attempts in the run before. */
  takenOver: { readonly attempts: number; readonly agentId: string | undefined } | undefined;
  skip: { readonly reason: SkipReason; readonly because: string | undefined } | undefined;
  /** Wall ms until which a stopped step may still answer; 0: not stopping. */
  stoppingUntil: number;
  /** Wall ms when the next try, or the next iteration, is due; 0: nothing waits for a time. */
  retryAt: number;
  backoffUntil: number;
  /** Of a `wait` or `signal`: wall ms when it ends by itself; 0: never. */
  waitUntil: number;
  /** Of a `signal`: what somebody is asked. */
  title: string;
  /** Of a block: children that are not over, that started and are not over, that COMPLETED; where to look for the next to start. */
  openChildren: number;
  activeChildren: number;
  completedChildren: number;
  cursor: number;
  /** Of a condition: the branch that runs; -1 before the choice. */
  branch: number;
  /** Of a block: the first child failure that its policy counts. */
  childFailure: Failure | undefined;
  loop: LoopDetail | undefined;
}

/** Of a loop that has begun. */
export interface LoopDetail {
  /** What runs now; undefined before the first iteration, between two, and after the last. */
  frame: Frame | undefined;
  /** Iterations that started. */
  iterations: number;
  /** Output of the last body that ended. */
  last: StoredValue | undefined;
}

export interface AttemptRecord {
  readonly number: number;
  readonly try: number;
  readonly agentId: string;
  readonly instanceId: string;
  readonly idempotent: boolean;
  /** It began with the checkpoint of an earlier attempt. */
  readonly isResumed: boolean;
  readonly startedAt: number;
  /** Wall ms; 0: none. */
  readonly deadlineAt: number;
  /** Undefined while it is LIVE. */
  outcome: AttemptOutcome | undefined;
  failure: Failure | undefined;
  endedAt: number;
  /** The instance's stream ended and the step was offered to another. */
  isUnreachable: boolean;
  /** Ended by our word; the agent has not confirmed that it stopped. */
  isUnconfirmed: boolean;
  /** A result of it was accepted: a repeat is answered ACCEPTED. */
  isAccepted: boolean;
  hasLateResult: boolean;
}

const NO_SECRETS: readonly string[] = [];

export function createRunState(created: RunCreated, workflow: CompiledWorkflow): RunState {
  return {
    runId: created.runId,
    namespace: created.namespace,
    workflow,
    params: created.params,
    priority: created.priority,
    requestId: created.requestId,
    labels: created.labels ?? {},
    retryOf: created.retryOf,
    createdAt: created.at,
    position: 1,
    status: 'QUEUED',
    startedAt: 0,
    endedAt: 0,
    deadlineAt: 0,
    cancelRequests: 0,
    pausedAt: 0,
    ending: undefined,
    output: undefined,
    failure: undefined,
    cleanupFailures: [],
    openRoots: workflow.roots.length,
    openFinally: workflow.finallyRoots.length,
    secrets: NO_SECRETS,
    root: createFrame(workflow.rootNodes, undefined, 0, ''),
    signals: [],
    signalCount: 0,
    signalRequests: new Map(),
  };
}

export function createFrame(
  nodes: readonly CompiledNode[],
  owner: LoopStep | undefined,
  number: number,
  prefix: string,
): Frame {
  const frame: Frame = { prefix, owner, number, steps: [] };
  for (const node of nodes) frame.steps.push(new Step(node, frame));
  return frame;
}

/** The rare part of a step, made when first needed. */
export function detailOf(step: Step): StepDetail {
  step.detail ??= {
    attempts: [],
    secrets: undefined,
    output: undefined,
    failure: undefined,
    endedAt: 0,
    takenOver: undefined,
    skip: undefined,
    stoppingUntil: 0,
    retryAt: 0,
    backoffUntil: 0,
    waitUntil: 0,
    title: '',
    openChildren: 0,
    activeChildren: 0,
    completedChildren: 0,
    cursor: 0,
    branch: -1,
    childFailure: undefined,
    loop: undefined,
  };
  return step.detail;
}

const NO_ATTEMPTS: readonly AttemptRecord[] = [];

export function attemptsOf(step: Step): readonly AttemptRecord[] {
  return step.detail?.attempts ?? NO_ATTEMPTS;
}

export function liveAttempts(step: Step): readonly AttemptRecord[] {
  const attempts = attemptsOf(step);
  const last = attempts.at(-1);
  if (last === undefined || (attempts.length === 1 && last.outcome !== undefined)) return NO_ATTEMPTS;
  return attempts.filter((attempt) => attempt.outcome === undefined);
}

/** The number that the next attempt gets. Numbers only grow: nothing ever leaves the list. */
export function nextNumber(step: Step): number {
  return attemptsOf(step).length + 1;
}

export function findAttempt(step: Step, number: number): AttemptRecord | undefined {
  return step.detail?.attempts[number - 1];
}

export function stepAt(frame: Frame, slot: number): Step {
  const step = frame.steps[slot];
  if (step === undefined) throw new RangeError(`no step in slot ${slot} of frame "${frame.prefix}"`);
  return step;
}

/** The frame that the children of a block are in; undefined for a loop between two iterations. */
export function frameInside(block: BlockStep): Frame | undefined {
  return isLoopStep(block) ? block.detail?.loop?.frame : block.frame;
}

/** The block around a step; undefined at the top of the run. */
export function parentOf({ node, frame }: Step): BlockStep | undefined {
  if (node.parent < 0) return frame.owner;
  const found = stepAt(frame, node.parent);
  return isBlockStep(found) ? found : undefined;
}

/** A block that may complete although children failed. */
export function toleratesFailures(node: CompiledNode): boolean {
  return node.kind === 'parallel' && (node.onFailure === 'continue' || node.quorum !== undefined);
}

const NO_STEPS: readonly Step[] = [];

/** Of a loop those of the iteration that runs. */
export function childrenOf(step: Step): readonly Step[] {
  const inside = isBlockStep(step) ? frameInside(step) : undefined;
  return inside !== undefined && isBlockStep(step) ? step.node.children.map((slot) => stepAt(inside, slot)) : NO_STEPS;
}

/** True for steps that still run while the run is ENDING: `finally`, `runOn: failure | always`, and what is inside them. */
export function isProtected(step: Step): boolean {
  for (let current: Step | undefined = step; current !== undefined; current = parentOf(current)) {
    if (current.node.isCleanup || current.node.runOn !== 'success') return true;
  }
  return false;
}
