/**
 * What the journal of a run may say of fallbacks and compensations: who calls for which, and what is undone in which order.
 * It knows the steps of the model and their definitions, and nothing of the engine.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Failure, RunEnded, RunTryStarted, StepFellBack } from '../../../src/control-plane/engine/events.ts';
import type { RunOutcome } from '../../../src/control-plane/engine/status.ts';
import type { RunModel, StepModel } from './run-model.ts';
import { survivesTry } from './try-model.ts';

type Check = (isTrue: boolean, invariant: string, message: () => string) => void;

export class BelongingModel {
  private readonly model: RunModel;
  private readonly check: Check;
  /** Completed steps that are to be undone when the run does not complete, in the order of their completion. */
  private owed: StepModel[] = [];
  private outcome: RunOutcome | undefined = undefined;
  /** The cleanup of this try began when another one was to come; a cancel since then has it go on beside the compensations. */
  private isEarly = false;
  /** Of steps whose fallback decides. */
  private readonly fallen = new Map<StepModel, { readonly status: string; readonly failure: Failure }>();
  /** Fell back before they had begun: nothing in them opened. */
  private readonly unopened = new Set<StepModel>();

  constructor(model: RunModel, check: Check) {
    this.model = model;
    this.check = check;
  }

  fellBack(step: StepModel, { status, failure }: StepFellBack): void {
    const { path, info } = step;
    this.check(info.fallback !== undefined, 'only a step with a fallback falls back', () => path);
    this.check(!step.isOver && !this.fallen.has(step), 'a step falls back once, and before its end', () => path);
    this.check(!step.isStopping || info.kind !== 'agent', 'a step that is stopped does not fall back', () => path);
    this.fallen.set(step, { status, failure });
    if (!step.hasStarted) this.unopened.add(step);
    step.hasStarted = true;
    step.isQueued = false;
    step.isDelayed = false;
    step.isWaiting = false;
  }

  isFallingBack(step: StepModel): boolean {
    return this.fallen.has(step);
  }

  hasOpened(step: StepModel): boolean {
    return !this.unopened.has(step);
  }

  /** Nobody starts without being called: a fallback by its owner, compensations by the end of the run, one after the other. */
  start(step: StepModel): void {
    const { path, info } = step;
    const owner = this.ownerOf(step);
    if (info.attached?.kind === 'fallback')
      this.check(owner !== undefined && this.fallen.has(owner), 'a fallback starts when its owner failed', () => path);
    if (info.attached?.kind === 'compensate') {
      this.check(
        this.outcome !== undefined && this.outcome !== 'COMPLETED',
        'only a run that does not complete is undone',
        () => `${path} starts in a run that ends ${this.outcome}`,
      );
      this.check(this.owed.at(-1) === owner, 'the last that completed is undone first', () => {
        return `${path} starts before ${this.owed.at(-1)?.path} is undone`;
      });
      const open = [...this.model.steps.values()].find((other) => isOpenRoot(other));
      this.check(open === undefined, 'compensations begin after the body', () => `${path} beside ${open?.path}`);
    }
    if (!info.isCleanup || info.attached !== undefined || this.outcome === undefined) return;
    if (this.model.hasTriesLeft) this.isEarly = true;
    if (!this.isEarly)
      this.check(this.owed.length === 0, 'finally comes after compensations', () => {
        return `${path} starts before ${this.owed.at(-1)?.path} is undone`;
      });
  }

  /** Of a step that was falling back: its end is that of its fallback, or its own first failure. */
  checkEnd(step: StepModel, event: { readonly type: string; readonly failure?: Failure }): void {
    const fallen = this.fallen.get(step);
    const { fallback } = step.info;
    if (fallen === undefined || fallback === undefined) return;
    const helper = this.model.steps.get(step.prefix + fallback);
    const name = (): string => `${step.path}: ${event.type}, its fallback ${helper?.end?.status ?? 'did not complete'}`;
    this.check(helper?.isOver === true, 'a step ends after its fallback', name);
    if (event.type === 'StepCompleted')
      this.check(
        helper?.end?.status === 'COMPLETED' && isDeepStrictEqual(helper.end.output, step.end?.output),
        'a step has the output of its fallback',
        name,
      );
    else this.check(helper?.end?.status !== 'COMPLETED', 'a fallback that completed handles the failure', name);
    if (event.type === 'StepFailed')
      this.check(isDeepStrictEqual(event.failure, fallen.failure), 'a step fails with its own first failure', name);
  }

  /** After a step is over, whatever it is. */
  ended(step: StepModel, isWhole: boolean): void {
    this.fallen.delete(step);
    const { info, prefix } = step;
    if (info.fallback !== undefined) this.close(prefix + info.fallback);
    if (info.compensate !== undefined) {
      if (step.end?.status === 'COMPLETED') this.owed.push(step);
      else this.close(prefix + info.compensate);
    }
    if (info.attached?.kind !== 'compensate' || !isWhole) return;
    const owner = this.ownerOf(step);
    this.owed = this.owed.filter((owed) => owed !== owner);
  }

  ending(outcome: RunOutcome): void {
    this.outcome = outcome;
    if (outcome !== 'COMPLETED') return;
    for (const { prefix, info } of this.owed) this.close(prefix + (info.compensate ?? ''));
    this.owed = [];
  }

  /** What starts again owes nothing; iterations and items that are kept still do. */
  startTry(event: RunTryStarted): void {
    this.outcome = undefined;
    this.isEarly = false;
    this.fallen.clear();
    const isKept = ({ path }: StepModel): boolean => survivesTry(this.model.steps, path, event);
    this.owed = this.owed.filter(isKept);
    for (const step of this.unopened) if (!isKept(step)) this.unopened.delete(step);
  }

  runEnded({ cleanupFailures = [] }: RunEnded): void {
    const isTold = cleanupFailures.some(({ code }) => code === 'NOT_COMPENSATED');
    this.check(isTold === this.owed.length > 0, 'what was not undone is told', () => {
      return `${this.owed.length} are left, ${isTold ? 'and it is told' : 'which nobody is told'}`;
    });
  }

  /** The compensation of a step that completed outlives its iteration. */
  outlives(step: StepModel): boolean {
    const owner = this.ownerOf(step);
    return step.info.attached?.kind === 'compensate' && owner !== undefined && this.owed.includes(owner);
  }

  private ownerOf({ info, prefix }: StepModel): StepModel | undefined {
    const path = info.attached === undefined ? undefined : prefix + info.attached.owner;
    return path === undefined ? undefined : this.model.known(path);
  }

  /** What nobody called for is over without a word. */
  private close(path: string): void {
    const step = this.model.steps.get(path);
    if (step !== undefined && !step.hasStarted) step.isOver = true;
  }
}

function isOpenRoot({ info, prefix, isOver }: StepModel): boolean {
  return !isOver && prefix === '' && info.parent === undefined && !info.isCleanup && info.attached === undefined;
}
