/**
 * A second, small opinion on what a journal may say: it knows the protocol's rules and nothing of the engine. It takes events
 * as they become durable.
 */
import { isDeepStrictEqual } from 'node:util';
import type {
  AttemptEnded,
  AttemptStarted,
  BlockStarted,
  BodiesTakenOver,
  BodyEnded,
  RunCreated,
  RunEvent,
  RunTryStarted,
  StepCancelled,
  StepCompleted,
  StepFailed,
  StepSkipped,
  StepTakenOver,
} from '../../../src/control-plane/engine/events.ts';
import type { RunOutcome, StepStatus } from '../../../src/control-plane/engine/status.ts';
import { times } from '../../../src/core/limits.ts';
import type { StoredValue } from '../../../src/core/stored-value.ts';
import { BelongingModel } from './belonging-model.ts';
import type { ChildModel } from './child-model.ts';
import type { StepInfo } from './definition-info.ts';
import { ItemModel } from './item-model.ts';
import { SignalModel } from './signal-model.ts';
import { faultsOfTry, resetStep, resumedBy } from './try-model.ts';

export interface AttemptModel {
  readonly number: number;
  readonly instanceId: string;
  readonly idempotent: boolean;
  readonly deadlineAt: number;
  outcome: AttemptEnded['outcome'] | undefined;
  isUnconfirmed: boolean;
  isUnreachable: boolean;
  /** Wall ms; 0: it has not. */
  endedAt: number;
}

export interface StepModel {
  readonly info: StepInfo;
  readonly path: string;
  /** In front of the ids beside it: '' outside of loops and maps. */
  readonly prefix: string;
  /** Of a loop: the iteration that runs, 0 for none, and how many ended. */
  iteration: number;
  iterationsEnded: number;
  /** The iteration that begins with steps that are done; 0: none does. */
  prepared: number;
  /** What the last iteration gave. */
  last: StoredValue | undefined;
  /** What it kept of the run before. */
  kept: BodiesTakenOver['kept'];
  isContinued: boolean;
  /** Of a map that started. */
  items: ItemModel | undefined;
  /** Of a loop: it waits for the time of the next iteration. */
  waitsForNext: boolean;
  hasStarted: boolean;
  isOver: boolean;
  /** How it ended, and what it gave. */
  end: { readonly status: StepStatus; readonly output: StoredValue | undefined } | undefined;
  /** From the run before: nobody gets it in this one. */
  isTakenOver: boolean;
  isQueued: boolean;
  isDelayed: boolean;
  isStopping: boolean;
  /** Of a condition or a switch: the branch that runs. */
  branch: number | undefined;
  skipReason: StepSkipped['reason'] | undefined;
  /** A `wait` or `signal` that has begun and is not over; `dueAt` in wall ms, 0 is never. */
  isWaiting: boolean;
  hasSignal: boolean;
  dueAt: number;
  failedTries: number;
  /** Its concurrency key. */
  key: string | undefined;
  /** Number of its first attempt, and how many were made in earlier tries of the run. */
  readonly firstNumber: number;
  olderAttempts: number;
  readonly attempts: AttemptModel[];
}

export type Complain = (invariant: string, message: string) => void;

export interface RunModelOptions {
  readonly created: RunCreated;
  readonly infos: ReadonlyMap<string, StepInfo>;
  /** Of the run, at most. */
  readonly tries: number;
  readonly children: ChildModel;
  readonly complain: Complain;
}

export class RunModel {
  readonly runId: string;
  readonly workflow: string;
  readonly priority: RunCreated['priority'];
  /** The run that it is another try of. */
  readonly retryOf: string | undefined;
  position = 0;
  /** It waits for its turn. */
  isQueued = true;
  isEnding = false;
  private ending: RunOutcome | undefined = undefined;
  /** Of the run itself: which it is, how many there may be, and whether the next one waits for attempts to stop. */
  try = 1;
  private readonly tries: number;
  waitsForTry = false;
  /** Highest number of an attempt in a loop, and what it was when this try began. */
  private bodyNumber = 0;
  private bodyNumberBefore = 0;
  outcome: RunOutcome | undefined = undefined;
  cancelRequests = 0;
  isPaused = false;
  /** A step started. */
  hasBegun = false;
  readonly steps = new Map<string, StepModel>();
  private readonly signals = new SignalModel();
  private readonly belonging = new BelongingModel(this, (isTrue, invariant, message) =>
    this.check(isTrue, invariant, message),
  );
  /** Of iterations that ended: nothing more happens to them. */
  readonly past = new Map<string, StepModel>();
  private readonly complain: Complain;
  private readonly infos: ReadonlyMap<string, StepInfo>;
  private readonly children: ChildModel;
  /** Steps that were cancelled beside their open child runs: only a run that is killed does so, and it is over then, or waits for its next try. */
  readonly abandoned: string[] = [];

  constructor({ created, infos, tries, children, complain }: RunModelOptions) {
    this.runId = created.runId;
    this.workflow = created.workflow;
    this.priority = created.priority;
    this.retryOf = created.retryOf;
    this.tries = tries;
    this.children = children;
    this.complain = complain;
    this.infos = infos;
    this.open(undefined, '');
  }

  /** The steps outside of loops and maps, or those of one iteration or item of `owner`. */
  private open(owner: string | undefined, prefix: string): void {
    for (const [id, info] of this.infos) {
      if (info.owner !== owner) continue;
      this.steps.set(prefix + id, {
        info,
        path: prefix + id,
        prefix,
        iteration: 0,
        iterationsEnded: 0,
        prepared: 0,
        last: undefined,
        kept: undefined,
        isContinued: false,
        items: undefined,
        waitsForNext: false,
        hasStarted: false,
        isOver: false,
        end: undefined,
        isTakenOver: false,
        isQueued: false,
        isDelayed: false,
        isStopping: false,
        branch: undefined,
        skipReason: undefined,
        isWaiting: false,
        hasSignal: false,
        dueAt: 0,
        failedTries: 0,
        key: undefined,
        firstNumber: owner === undefined ? 1 : this.bodyNumberBefore + 1,
        olderAttempts: 0,
        attempts: [],
      });
    }
  }

  /** The signal of this request is durable. */
  hasSignal(requestId: string): boolean {
    return this.signals.hasRequest(requestId);
  }

  /** Items begin in order, within the window, and no more than there are. */
  private startItem(step: StepModel, items: ItemModel, number: number): void {
    const { path, info } = step;
    this.check(!this.isPaused, 'nothing starts in a paused run', () => `item ${number} of ${path}`);
    this.check(step.hasStarted && !step.isOver && !step.isStopping, 'an item is of an open map', () => path);
    this.complainOf(path, items.start(number));
    this.open(info.id, `${path}/${number}/`);
  }

  private endItem(step: StepModel, items: ItemModel, { number, status, output }: BodyEnded): void {
    const { path, info } = step;
    const top = this.steps.get(`${path}/${number}/${info.children[0]}`);
    const ended = top?.end?.status;
    this.check(
      top?.isOver === true && ended === (status ?? 'COMPLETED'),
      'an item ends as its step does',
      () => `${path}/${number} is ${status ?? 'COMPLETED'}, its step ${ended}`,
    );
    const given = output ?? top?.end?.output;
    this.complainOf(path, items.end(number, status === undefined ? { output: given } : undefined));
    this.leave(`${path}/${number}/`);
  }

  private complainOf(path: string, fault: string | undefined): void {
    this.check(
      fault === undefined,
      'a map does each item once, in order and within its window',
      () => `${path}: ${fault}`,
    );
  }

  /** Nothing more happens to these; an earlier try may have had the same paths. */
  private leave(prefix: string): void {
    for (const [key, inside] of this.steps) {
      if (!key.startsWith(prefix) || this.belonging.outlives(inside)) continue;
      inside.attempts.unshift(...(this.past.get(key)?.attempts ?? []));
      this.past.set(key, inside);
      this.steps.delete(key);
    }
  }

  /** Iterations come in order, one at a time, and no more than allowed. */
  private startBody(step: StepModel, number: number): void {
    const { path, info } = step;
    this.check(!this.isPaused, 'nothing starts in a paused run', () => `iteration ${number} of ${path}`);
    this.check(info.kind === 'loop' && step.hasStarted && !step.isOver, 'an iteration is of an open loop', () => path);
    this.check(step.iteration === 0, 'one iteration at a time', () => `${path}/${number} beside ${step.iteration}`);
    this.check(
      number === step.iterationsEnded + 1,
      'iterations come in order',
      () => `${path}/${number} after ${step.iterationsEnded}`,
    );
    this.check(number <= info.iterationsMax, 'a loop keeps its limit', () => `${path}/${number}`);
    step.iteration = number;
    step.waitsForNext = false;
    if (step.prepared !== number) this.open(info.id, `${path}/${number}/`);
    step.prepared = 0;
  }

  private endBody(step: StepModel, { number, output }: BodyEnded): void {
    const { path } = step;
    step.last = output;
    this.check(number === step.iteration, 'an iteration that runs ends', () => `${path}/${number}`);
    this.checkChildren(step);
    this.leave(`${path}/`);
    step.iteration = 0;
    step.iterationsEnded = number;
  }

  /** Active: it takes one of the places of its workflow. */
  get isActive(): boolean {
    return !this.isQueued && this.outcome === undefined;
  }

  /** The end of this try is not the end of the run, unless its timeout is over. */
  get hasTriesLeft(): boolean {
    return this.ending === 'FAILED' && this.cancelRequests === 0 && this.try < this.tries;
  }

  /** The number that the next attempt of a step gets. */
  nextNumber({ attempts, firstNumber }: StepModel): number {
    return firstNumber + attempts.length;
  }

  private startTry(event: RunTryStarted): void {
    const name = `try ${event.try}`;
    this.check(this.isEnding && this.ending === 'FAILED', 'only a run that failed is tried again', () => name);
    this.check(this.cancelRequests === 0, 'a run that was cancelled is not tried again', () => name);
    this.check(
      event.try === this.try + 1 && event.try <= this.tries,
      'no run gets more tries than its workflow says',
      () => name,
    );
    for (const fault of faultsOfTry(this.steps, event))
      this.check(false, 'another try of a run starts again what is not done', () => `${name}: ${fault}`);
    this.belonging.startTry(event);
    const resumed = resumedBy(event);
    for (const path of event.again) {
      const step = this.steps.get(path);
      if (step === undefined) continue;
      const keeps = event.continued?.includes(path) === true ? this.keepBodies(step, resumed) : undefined;
      if (keeps === undefined) {
        this.leave(`${path}/`);
        this.children.startAgain(this.runId, path);
      }
      resetStep(step, keeps);
      for (const id of [step.info.fallback, step.info.compensate]) {
        const attached = id === undefined ? undefined : this.steps.get(step.prefix + id);
        if (attached !== undefined) resetStep(attached);
      }
    }
    this.try = event.try;
    this.isEnding = false;
    this.ending = undefined;
    this.waitsForTry = false;
    this.abandoned.length = 0;
    this.bodyNumberBefore = this.bodyNumber;
  }

  /** Of a loop or a map that goes on: what is in the iteration that goes on stays, what is in items that are done anew is gone. */
  private keepBodies(
    { path, iteration: running, prepared, items }: StepModel,
    resumed: ReadonlySet<string>,
  ): { readonly prepared: number } {
    // It may not have got to it in the try before.
    const iteration = running === 0 ? prepared : running;
    if (resumed.has(`${path}/${iteration}/`)) return { prepared: iteration };
    this.leave(`${path}/`);
    for (const number of items?.left ?? [iteration]) this.children.startAgain(this.runId, `${path}/${number}`);
    return { prepared: 0 };
  }

  private takeBodiesOver(step: StepModel, { kept }: BodiesTakenOver): void {
    const { path, info } = step;
    this.check(!this.hasBegun, 'a step is taken over before anything starts', () => path);
    this.check(info.kind === 'loop' || info.kind === 'map', 'only loops and maps keep bodies', () => path);
    step.isContinued = true;
    step.kept = kept;
    if (kept !== undefined && 'list' in kept) {
      step.items = new ItemModel(
        kept,
        info.concurrency,
        kept.outputs.map(({ number, output }) => [number, output] as const),
      );
      return;
    }
    step.iterationsEnded = kept?.iterations ?? 0;
    step.last = kept?.last;
    step.prepared = step.iterationsEnded + 1;
    this.open(info.id, `${path}/${step.prepared}/`);
  }

  /** Paths of the steps in a block that exist. */
  private childPaths({ info, path, prefix, iteration: running, prepared, items }: StepModel): readonly string[] {
    const iteration = running === 0 ? prepared : running;
    if (info.kind === 'map') return items?.open.map((item) => `${path}/${item}/${info.children[0]}`) ?? [];
    if (info.kind !== 'loop') return info.children.map((child) => prefix + child);
    return iteration === 0 ? [] : info.children.map((child) => `${path}/${iteration}/${child}`);
  }

  /** The control plane has forgotten its attempts. */
  isPast(path: string): boolean {
    return this.past.has(path);
  }

  /** Also of an iteration that is over. */
  known(path: string): StepModel | undefined {
    return this.steps.get(path) ?? this.past.get(path);
  }

  attempt(path: string, number: number): AttemptModel | undefined {
    const known = [...(this.steps.get(path)?.attempts ?? []), ...(this.past.get(path)?.attempts ?? [])];
    return known.find((attempt) => attempt.number === number);
  }

  take(position: number, event: RunEvent): void {
    this.check(position === this.position, 'positions have no gap', () => `${position} follows ${this.position - 1}`);
    this.position = position + 1;
    if (this.outcome !== undefined) this.checkAfterEnd(event);
    switch (event.type) {
      case 'RunCreated':
        return;
      case 'RunStarted':
        this.check(this.isQueued, 'a run starts once', () => `again at ${position}`);
        this.isQueued = false;
        return;
      case 'RunTryScheduled':
        this.check(this.isEnding && this.try < this.tries, 'only a run that failed is tried again', () => 'scheduled');
        this.waitsForTry = true;
        return;
      case 'RunTryDropped':
        this.check(
          this.waitsForTry && this.isEnding,
          'only a try that was scheduled is dropped',
          () => `at ${position}`,
        );
        this.waitsForTry = false;
        // Nobody waits for them any more: they were killed, and the rest of the cleanup has its own time.
        this.abandoned.length = 0;
        return;
      case 'RunTryStarted':
        return this.startTry(event);
      case 'CancelRequested':
        this.cancelRequests += 1;
        return;
      case 'RunPaused':
        this.check(!this.isPaused && !this.isEnding, 'a pause is one', () => `a second one at ${position}`);
        this.isPaused = true;
        return;
      case 'RunResumed':
        this.check(this.isPaused, 'a pause is one', () => `resumed without a pause at ${position}`);
        this.isPaused = false;
        return;
      case 'RunEnding':
        this.isPaused = false;
        this.check(!this.isEnding, 'the first cause of the end counts', () => `a second one at ${position}`);
        this.isEnding = true;
        this.ending = event.outcome;
        this.belonging.ending(event.outcome);
        return;
      case 'SignalReceived':
        return this.report(this.signals.receive(event, this.outcome !== undefined));
      case 'RunEnded':
        this.check(
          this.signals.kept === (event.unconsumedSignals ?? 0),
          'signals that nobody took are reported',
          () => `${event.unconsumedSignals} instead of ${this.signals.kept}`,
        );
        this.belonging.runEnded(event);
        return this.endRun(event.status);
      default:
        return this.takeStepEvent(event.path, event);
    }
  }

  /** Attempts that are LIVE, with their step. */
  *live(): Iterable<{ readonly step: StepModel; readonly attempt: AttemptModel }> {
    for (const step of this.steps.values())
      for (const attempt of step.attempts) if (attempt.outcome === undefined) yield { step, attempt };
  }

  private takeStepEvent(
    path: string,
    event: Exclude<
      RunEvent,
      {
        type:
          | 'RunCreated'
          | 'RunStarted'
          | 'SignalReceived'
          | 'CancelRequested'
          | 'RunPaused'
          | 'RunResumed'
          | 'RunEnding'
          | 'RunTryScheduled'
          | 'RunTryDropped'
          | 'RunTryStarted'
          | 'RunEnded';
      }
    >,
  ): void {
    const step = this.steps.get(path);
    if (step === undefined) return this.complain('a journal names steps of its workflow', `${this.runId}: ${path}`);
    switch (event.type) {
      case 'StepTakenOver':
        return this.takeOver(step, event);
      case 'BodiesTakenOver':
        return this.takeBodiesOver(step, event);
      case 'BlockStarted':
      case 'StepReady':
        this.start(step);
        step.isQueued = event.type === 'StepReady';
        if (event.type === 'StepReady') step.key = event.key;
        else {
          this.choose(step, event);
          this.count(step, event);
        }
        return;
      case 'StepWaiting':
        this.start(step);
        this.check(step.info.waits !== undefined || step.info.kind === 'workflow', 'only a wait waits', () => path);
        step.isWaiting = true;
        step.dueAt = event.dueAt ?? 0;
        return;
      case 'ChildStarted':
        this.check(!this.isPaused, 'nothing starts in a paused run', () => `the child run of ${path}`);
        this.check(
          step.isWaiting && !step.isStopping,
          'a waiting step has a child run',
          () => `${path} has ${event.runId}`,
        );
        return this.children.name(this.runId, event);
      case 'SignalTaken':
        this.check(step.isWaiting, 'a waiting step takes a signal', () => `${path} takes ${event.number}`);
        step.hasSignal = true;
        return this.report(this.signals.take(event.number, step.info.waits?.signal));
      case 'BodyStarted':
        if (step.items !== undefined) return this.startItem(step, step.items, event.number);
        return this.startBody(step, event.number);
      case 'BodyEnded':
        if (step.items !== undefined) return this.endItem(step, step.items, event);
        step.waitsForNext = event.nextAt !== undefined;
        return this.endBody(step, event);
      case 'StepQueued':
        this.check(!step.isOver && !step.isQueued, 'a step waits once', () => `${path} is queued again`);
        this.checkUnsaid(step, event.at);
        step.isQueued = true;
        step.isDelayed = false;
        return;
      case 'AttemptStarted':
        return this.startAttempt(step, event);
      case 'AttemptUnreachable':
      case 'AttemptReturned':
        return this.reach(step, event.number, event.type === 'AttemptUnreachable');
      case 'AttemptEnded':
        return this.endAttempt(step, event);
      case 'StopConfirmed': {
        const attempt = this.attempt(path, event.number);
        if (attempt !== undefined) attempt.isUnconfirmed = false;
        return;
      }
      case 'RetryScheduled':
        step.isDelayed = true;
        step.isQueued = false;
        return;
      case 'StepStopping':
        step.isStopping = true;
        step.waitsForNext = false;
        step.isQueued = false;
        step.isDelayed = false;
        return;
      case 'LateResult':
        return;
      case 'StepFellBack':
        this.checkNoneLive(step);
        if (!step.hasStarted) for (const child of this.childPaths(step)) this.closeUnopened(child);
        return this.belonging.fellBack(step, event);
      case 'StepCompleted':
        step.end = { status: 'COMPLETED', output: event.output };
        if (!this.belonging.isFallingBack(step)) {
          this.checkCompleted(step, event.at);
          this.checkChild(step, event);
        }
        this.belonging.checkEnd(step, event);
        return this.endStep(step);
      case 'StepSkipped':
        step.skipReason = event.reason;
        step.end = { status: 'SKIPPED', output: undefined };
        if (event.reason === 'BRANCH') this.checkLeftOut(step);
        return this.endStep(step, event.reason !== 'RUN_ENDING');
      case 'StepFailed':
        step.end = { status: event.status, output: undefined };
        if (!this.belonging.isFallingBack(step)) this.checkChild(step, event);
        this.belonging.checkEnd(step, event);
        return this.endStep(step);
      case 'StepCancelled':
        step.end = { status: 'CANCELLED', output: undefined };
        if (!this.belonging.isFallingBack(step)) this.checkChild(step, event);
        this.belonging.checkEnd(step, event);
        return this.endStep(step, false);
    }
  }

  private count(step: StepModel, { items }: BlockStarted): void {
    const { info, path } = step;
    this.check((info.kind === 'map') === (items !== undefined), 'a map knows its items when it starts', () => path);
    if (items === undefined) return;
    const known = step.items;
    const isSame = known === undefined || isDeepStrictEqual([known.list, known.count], [items.list, items.count]);
    this.check(isSame, 'a map that goes on has its list', () => path);
    step.items ??= new ItemModel(items, info.concurrency);
    const kept = items.kept ?? 0;
    this.check(kept === step.items.kept, 'a map says what it kept', () => `${path}: ${kept} of ${step.items?.kept}`);
  }

  /** A step ends after its child run, and as that did. */
  private checkChild(step: StepModel, event: StepCompleted | StepFailed | StepCancelled): void {
    const { path, info } = step;
    if (info.kind !== 'workflow' || !step.hasStarted) return;
    const child = this.children.find(this.runId, path);
    const told = (): string => `${path} ${event.type} beside ${child?.runId}, ${child?.outcome}`;
    if (child === undefined) {
      this.check(event.type !== 'StepCompleted', 'a step completes by its child run', told);
      return;
    }
    if (child.outcome === undefined && event.type === 'StepCancelled') {
      if (child.hasBegun) this.abandoned.push(path);
      return;
    }
    const wasRefused = event.type === 'StepFailed' && event.failure.code !== 'CHILD_FAILED';
    this.check(child.outcome !== undefined || wasRefused, 'a step ends after its child run', told);
    if (event.type !== 'StepCompleted') return;
    this.check(child.outcome === 'COMPLETED', 'a step completes by its child run', told);
    if (!info.hasOutput) this.children.compare(this.runId, path, event.output);
  }

  private takeOver(step: StepModel, event: StepTakenOver): void {
    const { id } = step.info;
    this.check(!this.hasBegun, 'a step is taken over before anything starts', () => id);
    step.end = { status: event.status, output: event.output };
    step.skipReason = event.reason;
    const isFirst = !step.isTakenOver && !step.hasStarted && (!step.isOver || step.info.attached !== undefined);
    this.check(isFirst, 'a step is taken over once', () => id);
    step.isOver = true;
    step.isTakenOver = true;
    this.belonging.ended(step, true);
  }

  private start(step: StepModel): void {
    this.check(!this.isPaused, 'nothing starts in a paused run', () => `${step.path} starts`);
    const { parent, dependencies, isCleanup } = step.info;
    const { path: id, prefix } = step;
    this.check(!step.hasStarted && !step.isOver, 'a step starts exactly once', () => `${id} starts again`);
    this.check(!this.isQueued, 'nothing starts in a run that waits for its turn', () => id);
    step.hasStarted = true;
    this.hasBegun = true;
    this.belonging.start(step);
    for (const dependency of dependencies) {
      this.check(
        this.steps.get(prefix + dependency)?.isOver === true,
        'a step starts after its dependencies ended',
        () => `${id} starts before ${dependency} is over`,
      );
    }
    if (parent === undefined) {
      this.check(!isCleanup || this.isEnding, 'finally comes last', () => `${id} starts before the end`);
      return;
    }
    const block = this.steps.get(parentPath(step, parent));
    if (block === undefined) return;
    this.check(block.hasStarted && !block.isOver, 'a step starts inside its open block', () => `${id} in ${parent}`);
    this.check(block.prepared === 0, 'a step starts inside its open block', () => `${id} before its iteration`);
    this.check(
      this.isChosen(step) !== false,
      'one branch runs',
      () => `${id} starts in ${parent}, branch ${block.branch}`,
    );
    const active = this.childPaths(block).filter((child) => this.isActiveStep(child)).length;
    this.check(
      active <= block.info.concurrency,
      'a block keeps its window',
      () => `${parent} has ${active} active children, at most ${block.info.concurrency}`,
    );
  }

  private choose(step: StepModel, { branch }: BlockStarted): void {
    const { id, branches } = step.info;
    const hasChoice = isChoice(step);
    this.check(hasChoice === (branch !== undefined), 'a condition chooses when it starts', () => `${id}: ${branch}`);
    if (branch === undefined) return;
    this.check(branch < branches.length, 'a condition chooses one of its branches', () => `${id}: ${branch}`);
    step.branch = branch;
  }

  /** Of a step directly in a condition: whether its branch is the one that runs. */
  private isChosen(step: StepModel): boolean | undefined {
    const { parent } = step.info;
    const block = parent === undefined ? undefined : this.steps.get(parentPath(step, parent));
    if (block === undefined || !isChoice(block)) return undefined;
    return block.info.branches[block.branch ?? -1]?.includes(step.info.id) === true;
  }

  private checkLeftOut(step: StepModel): void {
    const { id } = step.info;
    this.check(this.isChosen(step) === false, 'only another branch is left out', () => `${id} is in none, or runs`);
  }

  private isActiveStep(path: string): boolean {
    const step = this.steps.get(path);
    return step?.hasStarted === true && !step.isOver;
  }

  /** By the wall clock, as it is scheduled: at the earliest after the grace of a stop. */
  private checkUnsaid(step: StepModel, at: number): void {
    const attempts = step.attempts.slice(step.olderAttempts);
    const unsaid = attempts.findLast((attempt) => attempt.isUnconfirmed && !attempt.idempotent);
    this.check(
      unsaid === undefined || at >= unsaid.endedAt + times.stopGraceMs,
      'an end without a word of the agent is waited for',
      () => `${step.path} waits for its next attempt at ${at}, #${unsaid?.number} ended at ${unsaid?.endedAt}`,
    );
  }

  private startAttempt(step: StepModel, event: AttemptStarted): void {
    const { agent, tries } = step.info;
    const { path: id } = step;
    const attempts = step.attempts;
    this.check(!step.isTakenOver, 'a step that was taken over is given to nobody', () => `${id}#${event.number}`);
    this.check(!this.isPaused, 'nothing starts in a paused run', () => `${id}#${event.number}`);
    this.check(step.isQueued && !step.isOver, 'only a waiting step is assigned', () => `${id}#${event.number}`);
    this.check(
      event.number === this.nextNumber(step),
      'numbers grow by one',
      () => `${id}#${event.number} follows #${attempts.length}`,
    );
    this.check(
      step.failedTries < tries,
      'no step gets more tries than its policy',
      () => `${id}: try ${step.failedTries + 1} of ${tries}`,
    );
    this.check(
      event.try === step.failedTries + 1,
      'tries are counted',
      () => `${id}: ${event.try} after ${step.failedTries} failed`,
    );
    const live = attempts.filter((attempt) => attempt.outcome === undefined);
    const liveMax = event.idempotent && live.every((attempt) => attempt.idempotent) ? 1 : 0;
    this.check(
      live.length <= liveMax,
      'at most one LIVE attempt, two when idempotent',
      () => `${id}#${event.number} starts beside ${live.map((attempt) => `#${attempt.number}`)}`,
    );
    if (agent?.agentId !== undefined)
      this.check(
        event.agentId === agent.agentId,
        'a step goes to the agent that it names',
        () => `${id} goes to ${event.agentId}`,
      );
    step.isQueued = false;
    if (step.prefix !== '') this.bodyNumber = Math.max(this.bodyNumber, event.number);
    attempts.push({
      number: event.number,
      instanceId: event.instanceId,
      idempotent: event.idempotent,
      deadlineAt: event.deadlineAt ?? 0,
      outcome: undefined,
      isUnconfirmed: false,
      isUnreachable: false,
      endedAt: 0,
    });
  }

  private reach(step: StepModel, number: number, isUnreachable: boolean): void {
    const attempt = this.attempt(step.path, number);
    if (attempt === undefined) return this.complain('a journal names known attempts', `${step.path}#${number}`);
    attempt.isUnreachable = isUnreachable;
    if (!isUnreachable) step.isQueued = false;
  }

  private endAttempt(step: StepModel, event: AttemptEnded): void {
    const attempt = this.attempt(step.path, event.number);
    const name = `${step.path}#${event.number}`;
    if (attempt === undefined) return this.complain('a journal names known attempts', name);
    this.check(
      attempt.outcome === undefined,
      'an attempt ends once',
      () => `${name} ends ${event.outcome} after ${attempt.outcome}`,
    );
    if (event.outcome === 'COMPLETED')
      this.check(!step.isOver, 'a step accepts one result', () => `${name} completes a step that is over`);
    attempt.outcome = event.outcome;
    attempt.endedAt = event.at;
    attempt.isUnconfirmed = event.unconfirmed === true;
    if (event.countsAsTry !== true) return;
    step.failedTries += 1;
    // Of an idempotent step that was offered to another agent meanwhile: the next try waits anew.
    step.isQueued = false;
  }

  private checkCompleted(step: StepModel, at: number): void {
    const { kind } = step.info;
    const { path: id } = step;
    if (step.info.waits !== undefined) {
      const isDue = step.dueAt > 0 && step.dueAt <= at;
      this.check(step.hasSignal || isDue, 'a wait ends at its time or with its signal', () => `${id} at ${at}`);
    }
    if (kind === 'agent') {
      const ofThisTry = step.attempts.slice(step.olderAttempts);
      const winners = ofThisTry.filter((attempt) => attempt.outcome === 'COMPLETED');
      this.check(winners.length === 1, 'a step completes by one attempt', () => `${id} by ${winners.length}`);
    } else this.checkChildren(step);
    if (step.items !== undefined) this.complainOf(id, step.items.complete(step.end?.output, step.info));
  }

  private checkChildren(step: StepModel): void {
    const paths = this.childPaths(step);
    const children = paths.flatMap((child) => this.steps.get(child) ?? []);
    const spared = children.filter((child) => this.isChosen(child) === false && child.skipReason !== 'BRANCH');
    this.check(spared.length === 0, 'one branch runs', () => `${step.path}: ${spared.map(({ path }) => path)}`);
    const open = paths.filter((child) => this.steps.get(child)?.isOver !== true);
    this.check(open.length === 0, 'a block ends after its children', () => `${step.path} before ${open}`);
  }

  private checkNoneLive({ path, attempts }: StepModel): void {
    const live = attempts.filter((attempt) => attempt.outcome === undefined);
    this.check(
      live.length === 0,
      'a step ends without a LIVE attempt',
      () => `${path} with #${live.map((attempt) => attempt.number)}`,
    );
  }

  /** `isWhole`: by itself, and not because the run ended around it. */
  private endStep(step: StepModel, isWhole = true): void {
    const { kind } = step.info;
    const { path: id } = step;
    this.check(!step.isOver, 'a step ends once', () => `${id} ends again`);
    this.checkNoneLive(step);
    if (kind !== 'agent' && step.hasStarted && this.belonging.hasOpened(step)) this.checkChildren(step);
    if (kind !== 'agent' && !step.hasStarted) for (const child of this.childPaths(step)) this.closeUnopened(child);
    if (kind === 'map') this.leave(`${id}/`);
    step.isOver = true;
    step.isWaiting = false;
    step.waitsForNext = false;
    step.isQueued = false;
    step.isDelayed = false;
    this.belonging.ended(step, isWhole);
  }

  private closeUnopened(path: string): void {
    const step = this.steps.get(path);
    if (step === undefined || step.isOver) return;
    step.isOver = true;
    this.belonging.ended(step, false);
    for (const child of this.childPaths(step)) this.closeUnopened(child);
  }

  private endRun(outcome: RunOutcome): void {
    this.check(this.outcome === undefined, 'no run leaves a terminal status', () => `${this.outcome}, then ${outcome}`);
    const open = [...this.steps.values()].filter((step) => !step.isOver).map((step) => step.path);
    this.check(open.length === 0, 'a run ends after its steps', () => `open: ${open}`);
    this.outcome = outcome;
  }

  /** What comes late is evidence, and changes nothing. */
  private checkAfterEnd(event: RunEvent): void {
    const isEvidence = event.type === 'LateResult' || event.type === 'StopConfirmed';
    this.check(isEvidence, 'no run leaves a terminal status', () => `${event.type} after the end`);
  }

  private report(fault: string | undefined): void {
    this.check(fault === undefined, 'a signal is taken once, and in order', () => fault ?? '');
  }

  private check(isTrue: boolean, invariant: string, message: () => string): void {
    if (!isTrue) this.complain(invariant, `run ${this.runId}: ${message()}`);
  }
}

function isChoice({ info }: StepModel): boolean {
  return info.kind === 'condition' || info.kind === 'switch';
}

/** A step at the top of a body stands in its loop, outside of the iteration. */
function parentPath({ info, prefix }: StepModel, parent: string): string {
  if (parent !== info.owner) return prefix + parent;
  return prefix.split('/').slice(0, -2).join('/');
}
