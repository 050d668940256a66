/**
 * The live state of one run: the fold of its events, changed in place by `evolve` alone. It belongs to the run's mailbox;
 * nobody else holds a reference.
 *
 * Invariants: 1. slot `i` of a frame is the step of node `i` of its body; 2. counters (`pendingDependencies`, `openChildren`, `openRoots`) are
 * what a count over the steps would give; 3. nothing here grows with the size of
 * an output, or with the iterations that a loop has behind it, unless these may have to be compensated; a map keeps what its items gave
 * until it completes, and of those that have not started nothing.
 */
import type { SecretMark } from '../../core/secret-mark.ts';
import type { StoredValue } from '../../core/stored-value.ts';
import type {
  CompiledAgentNode,
  CompiledBlockNode,
  CompiledChildNode,
  CompiledLoopNode,
  CompiledMapNode,
  CompiledNode,
  CompiledSignalNode,
  CompiledWaitNode,
  CompiledWorkflow,
} from '../../workflow/compiled.ts';
import type { Priority } from '../../workflow/definition.ts';
import { eventBytes } from './event-bytes.ts';
import type { Failure, ParentStep, RunCreated, SkipReason, Usage } from './events.ts';
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
  /** The step that it is the child run of. */
  readonly parent: ParentStep | undefined;
  readonly createdAt: number;
  /** Number of events so far, and what they take in the journal (`eventBytes`). */
  position: number;
  journalBytes: number;
  status: RunStatus;
  /** Of the run, from 1; it began with `startedAt`, which spans all of them. */
  try: number;
  /** While it is ENDING: wall ms when the next try begins at the latest; 0: none is scheduled. */
  tryAt: number;
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
  /** Paths of completed steps whose compensation has not come to its end, in the order in which they completed. */
  owed: string[];
  /** Top-level nodes of the body, and of `finally`, that are not over. */
  openRoots: number;
  openFinally: number;
  /** Names of the secrets that inputs refer to: what comes back is cleared of their values. */
  secrets: readonly string[];
  /** The steps outside of every body. */
  readonly root: Frame;
  /** Highest number of an attempt in a loop: now, and when this try of the run began. */
  bodyNumber: number;
  bodyNumberBefore: number;
  /** Wall ms until which something may still run that is gone from here: an attempt whose iteration or item is over, a child run that was killed. */
  strayUntil: number;
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
 * One body being run: the steps outside of every body (the root of a run), or those of one iteration of a loop or of one item of a
 * map. It lives from BodyStarted to BodyEnded. Edges are slots of a frame; what is read elsewhere is found outwards, frame by frame.
 */
export interface Frame {
  /** In front of the ids of its steps: '' at the root, `poll/3/` in the third iteration of `poll`, `each/3/` for item 3 of `each`. */
  readonly prefix: string;
  /** The loop or the map; undefined at the root. */
  readonly owner: BodyStep | undefined;
  /** Of the iteration, from 1; of the item, from 0, as `index` is; 0 at the root. */
  readonly number: number;
  /** Numbers of attempts up to this one may have been given out under its paths, in earlier tries of the run. */
  readonly numbersBefore: number;
  /** The output of the iteration before it; undefined: there was none. */
  readonly last: StoredValue | undefined;
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
export type MapStep = Step<CompiledMapNode>;
/** Runs its body in frames of their own. */
export type BodyStep = LoopStep | MapStep;
/** A step that is a run of another workflow. */
export type ChildStep = Step<CompiledChildNode>;

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

export function isChildStep(step: Step): step is ChildStep {
  return step.node.kind === 'workflow';
}

export function isSignalStep(step: Step): step is SignalStep {
  return step.node.kind === 'signal';
}

export function isLoopStep(step: Step): step is LoopStep {
  return step.node.kind === 'loop';
}

export function isMapStep(step: Step): step is MapStep {
  return step.node.kind === 'map';
}

export function isBodyStep(step: Step): step is BodyStep {
  return isLoopStep(step) || isMapStep(step);
}

export interface StepDetail {
  attempts: AttemptRecord[];
  /** Of those: how many were made in earlier tries of the run. */
  olderAttempts: number;
  /** Of an agent step: its concurrency key. */
  key: string | undefined;
  /** Of an agent step: where secrets stand in its input. */
  secrets: readonly SecretMark[] | undefined;
  output: StoredValue | undefined;
  /** Also of a step that completed by its fallback: why it needed it. */
  failure: Failure | undefined;
  /** Set while its fallback decides: what the step ends with unless that completes. */
  fellBack: 'FAILED' | 'TIMED_OUT' | undefined;
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
  /** The same: position of the event that let it wait. Tells who waits longest: wall clocks are set, and many steps begin at once. */
  waitingFrom: number;
  /** Of a `signal`: what somebody is asked. */
  title: string;
  /**
   * Of a block: children that are not over, that started and are not over, that COMPLETED; where to look for the next to start. The
   * children of a map are its items.
   */
  openChildren: number;
  activeChildren: number;
  completedChildren: number;
  cursor: number;
  /** Of a condition: the branch that runs; -1 before the choice. */
  branch: number;
  /** Of a block: the first child failure that its policy counts. */
  childFailure: Failure | undefined;
  loop: LoopDetail | undefined;
  map: MapDetail | undefined;
  /** Of a `workflow`: its child run, once there is one. */
  child: { readonly runId: string; readonly version: number } | undefined;
}

/** Of a loop that has begun. */
export interface LoopDetail {
  /**
   * What runs now; undefined before the first iteration, between two, and after the last. Of a loop that another try goes on with, what
   * runs next: its number is not among `iterations` yet.
   */
  frame: Frame | undefined;
  /** Iterations that started. */
  iterations: number;
  /** Output of the last body that ended. */
  last: StoredValue | undefined;
  /** Iterations that ended and have steps in them that may have to be compensated. */
  readonly kept: Map<number, Frame>;
}

/** Of a map that has begun. */
export interface MapDetail {
  /** The list as it was when the map began; undefined once it completed and nobody can read of it. */
  items: StoredValue | undefined;
  readonly count: number;
  /** Items that started and ended; another try begins with those that COMPLETED. */
  started: number;
  ended: number;
  /** Where to look for the next item: those that have an output are done. */
  next: number;
  /** Items whose step FAILED or TIMED_OUT. */
  failed: number;
  /** Items that run, by index, in the order in which they started. */
  readonly frames: Map<number, Frame>;
  /** By index, of items that COMPLETED; empty once the map has completed. */
  outputs: (StoredValue | undefined)[];
  /** Of the outputs together. */
  outputBytes: number;
  /** Items that ended and have steps in them that may have to be compensated; `items` stays as long as there are some. */
  readonly kept: Map<number, Frame>;
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
  /** What it had used when its result came; absent: nothing is known. */
  usage?: Usage;
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
    parent: created.parent,
    createdAt: created.at,
    position: 1,
    journalBytes: eventBytes(created),
    status: 'QUEUED',
    try: 1,
    tryAt: 0,
    startedAt: 0,
    endedAt: 0,
    deadlineAt: 0,
    cancelRequests: 0,
    pausedAt: 0,
    ending: undefined,
    output: undefined,
    failure: undefined,
    cleanupFailures: [],
    owed: [],
    openRoots: workflow.roots.length,
    openFinally: workflow.finallyRoots.length,
    secrets: NO_SECRETS,
    root: createFrame(workflow.rootNodes, {
      prefix: '',
      owner: undefined,
      number: 0,
      numbersBefore: 0,
      last: undefined,
    }),
    bodyNumber: 0,
    bodyNumberBefore: 0,
    strayUntil: 0,
    signals: [],
    signalCount: 0,
    signalRequests: new Map(),
  };
}

export function createFrame(nodes: readonly CompiledNode[], place: Omit<Frame, 'steps'>): Frame {
  const frame: Frame = { ...place, steps: [] };
  for (const node of nodes) frame.steps.push(new Step(node, frame));
  return frame;
}

/** The rare part of a step, made when first needed. */
export function detailOf(step: Step): StepDetail {
  step.detail ??= {
    attempts: [],
    olderAttempts: 0,
    key: undefined,
    secrets: undefined,
    output: undefined,
    failure: undefined,
    fellBack: undefined,
    endedAt: 0,
    takenOver: undefined,
    skip: undefined,
    stoppingUntil: 0,
    retryAt: 0,
    backoffUntil: 0,
    waitUntil: 0,
    waitingFrom: 0,
    title: '',
    openChildren: 0,
    activeChildren: 0,
    completedChildren: 0,
    cursor: 0,
    branch: -1,
    childFailure: undefined,
    loop: undefined,
    map: undefined,
    child: undefined,
  };
  return step.detail;
}

/** As it is shown: a step whose next try is not due yet waits, whatever word the engine has for it. */
export function shownStatus({ status, isQueued, detail }: Step): StepStatus {
  return status === 'READY' && !isQueued && (detail?.retryAt ?? 0) > 0 ? 'WAITING' : status;
}
