/**
 * Between the engine, the scheduler and the fleet: turns a decision's effects into task rows, queue entries, slots and
 * timers at once (they are memory, undone with a failed batch), and into frames once the batch is durable.
 */
import { formatAttemptId, shardOf } from '../../core/ids.ts';
import { times } from '../../core/limits.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { CompiledAgentNode } from '../../workflow/compiled.ts';
import type { Priority } from '../../workflow/definition.ts';
import { findAttempt } from '../engine/attempts.ts';
import type { CancelChild, Decision, Dispatch, SeekChild, Stop, TaskDone, TaskEffect } from '../engine/commands.ts';
import { deadlinesOf } from '../engine/deadlines.ts';
import { findAgentStep, findStep, liveSteps } from '../engine/frames.ts';
import { type AgentStep, isAgentStep, type RunState } from '../engine/state.ts';
import type { WireAssignment } from '../registry/frames.ts';
import { capabilityOf, type HeldAttempt, type Instance } from '../registry/instance.ts';
import { orderKeyOf } from '../scheduler/order-key.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { SlotUse } from '../scheduler/types.ts';
import type { TaskRow } from '../store/port.ts';
import { Assignments, type AssignmentsOptions, encoded } from './assignments.ts';
import { weightOf } from './feeding.ts';
import type { RunHolder } from './run-holder.ts';
import type { StagedBatch } from './staged-batch.ts';
import { keyOf, type NodeClass, StepClasses, slotOf } from './step-classes.ts';
import { encodeTaskClass } from './task-class.ts';
import type { Timers } from './timers.ts';

export interface DispatcherOptions extends AssignmentsOptions {
  readonly metrics: Metrics;
  readonly scheduler: Scheduler;
  readonly timers: Timers;
  /** An attempt was leased to an instance that has left meanwhile. */
  readonly onGone: (runId: string, path: string, number: number) => void;
  /** An attempt was leased to an instance whose stream has ended meanwhile. */
  readonly onUnreachable: (attempt: HeldAttempt) => void;
  /** An attempt of so many bytes was leased. */
  readonly onLeased: (instance: Instance, bytes: number) => void;
  /** A durable decision of the run asks for something about a child run. */
  readonly onChild: (runId: string, effect: SeekChild | CancelChild) => void;
}

export class Dispatcher {
  private readonly options: DispatcherOptions;
  private readonly classes = new StepClasses();
  private readonly assignments: Assignments;

  constructor(options: DispatcherOptions) {
    this.options = options;
    this.assignments = new Assignments(options, (instanceId, attemptId) => this.release(instanceId, attemptId));
  }

  stage(holder: RunHolder, state: RunState, decision: Decision, batch: StagedBatch): void {
    for (const effect of decision.effects) {
      switch (effect.type) {
        case 'task':
          this.putTask(holder, state, effect, batch);
          break;
        case 'taskDone':
          this.dropTask(holder, effect, batch);
          break;
        case 'dispatch':
          this.lease(holder, state, effect, batch);
          break;
        case 'stop':
          this.stop(state, effect, batch);
          break;
        case 'storeBlob':
          batch.addBlob({ runId: holder.runId, blobId: effect.blobId, bytes: effect.bytes });
          this.options.blobs.replace(holder.runId, effect.blobId, effect.bytes);
          break;
        case 'runOver':
          holder.checkpoints = undefined;
          break;
        case 'seekChild':
        case 'cancelChild':
          batch.effects.push(() => this.options.onChild(holder.runId, effect));
          break;
        case 'startChild':
          // Its run begins in this batch, too (Runs).
          break;
      }
    }
  }

  /** The slot of an attempt is free again: its result came, or the agent said that it stopped. */
  release(instanceId: string, attemptId: string): void {
    const held = this.options.fleet.instances.get(instanceId)?.held;
    const attempt = held?.get(attemptId);
    if (held === undefined || attempt === undefined) return;
    held.delete(attemptId);
    this.options.scheduler.apply({ type: 'slotFreed', ...slotOf(instanceId, attempt) });
  }

  /** A slot was booked for an assignment that did not happen. */
  freeSlot(slot: SlotUse): void {
    this.options.scheduler.apply({ type: 'slotFreed', ...slot });
  }

  takeSlot(slot: SlotUse): void {
    this.options.scheduler.apply({ type: 'slotTaken', ...slot });
  }

  /** Nothing of this run waits any more. */
  forget(runId: string): void {
    this.options.scheduler.apply({ type: 'runRemoved', runId });
  }

  /** Puts one step back that the scheduler gave away, if it still waits. */
  waitAgain(state: RunState, path: string): void {
    const step = findAgentStep(state, path);
    if (step?.isQueued === true && state.pausedAt === 0) this.enqueue(state, step, undefined);
  }

  /** Puts a run's waiting steps into the index again, after its state was read anew; those in `assigned` are under way. */
  requeue(state: RunState, assigned: ReadonlySet<string>): void {
    this.options.scheduler.apply({ type: 'runRemoved', runId: state.runId });
    for (const step of state.pausedAt > 0 ? [] : liveSteps(state))
      if (isAgentStep(step) && step.isQueued && !assigned.has(step.path)) this.enqueue(state, step, undefined);
    this.rearm(state);
  }

  /** What was undone had cancelled and moved timers. One too many does no harm. */
  private rearm(state: RunState): void {
    const { runId } = state;
    for (const { path, attempt, dueAt } of deadlinesOf(state))
      this.options.timers.set(taskKey(runId, path, attempt), { runId, path, attempt }, dueAt);
  }

  /** The assignment of a live attempt, made anew from the run's state (for an instance that came back without it). */
  assignmentOf(...live: Parameters<Assignments['ofLive']>): WireAssignment | undefined {
    return this.assignments.ofLive(...live);
  }

  /** As `Assignments.send`. */
  send(...what: Parameters<Assignments['send']>): Promise<void> | undefined {
    return this.assignments.send(...what);
  }

  classOf(state: RunState, node: CompiledAgentNode): NodeClass {
    return this.classes.of(state, node);
  }

  private putTask(holder: RunHolder, state: RunState, effect: TaskEffect, batch: StagedBatch): void {
    const key = taskKey(holder.runId, effect.path, effect.attempt);
    batch.putTask(key, this.rowOf(holder, state, effect));
    if (effect.dueAt > 0)
      this.options.timers.set(key, { runId: holder.runId, path: effect.path, attempt: effect.attempt }, effect.dueAt);
    else this.options.timers.cancel(key);
    if (effect.state !== 'queued' || effect.isRefresh === true) return;
    const { step } = effect;
    if (step !== undefined && isAgentStep(step)) this.enqueue(state, step, effect.avoid);
  }

  private enqueue(state: RunState, step: AgentStep, avoid: readonly string[] | undefined): void {
    const { node, path, queuedAt } = step;
    const { stepClass, key: classKey } = this.classOf(state, node);
    const priority = node.priority ?? state.priority;
    const waiting = { runId: state.runId, path, classKey, priority, queuedAt };
    const key = keyOf(step);
    this.options.scheduler.apply({
      type: 'stepQueued',
      step: {
        ...waiting,
        ...(avoid === undefined ? {} : { avoid }),
        ...(key === undefined ? {} : { key }),
      },
      class: stepClass,
    });
  }

  private rowOf(holder: RunHolder, state: RunState, effect: TaskEffect): TaskRow {
    const { step } = effect;
    const agentStep = step !== undefined && effect.state !== 'timer' && isAgentStep(step) ? step : undefined;
    const node = agentStep?.node;
    const priority: Priority = node?.priority ?? state.priority;
    return {
      runId: holder.runId,
      path: effect.path,
      attempt: effect.attempt,
      shard: shardOf(holder.runId),
      class: agentStep === undefined ? '' : this.taskClassOf(state, agentStep, priority),
      orderKey: agentStep === undefined ? 0 : orderKeyOf(priority, agentStep.queuedAt),
      state: effect.state,
      agentId: effect.agentId,
      instanceId: effect.instanceId,
      dueAt: effect.dueAt,
      lossWindowMs: node === undefined || effect.state !== 'leased' ? 0 : this.lossWindowOf(holder.runId, node, effect),
      checkpoint: node !== undefined ? holder.checkpoints?.get(effect.path) : undefined,
    };
  }

  private taskClassOf(state: RunState, step: AgentStep, priority: Priority): string {
    const key = keyOf(step);
    const { key: classKey } = this.classOf(state, step.node);
    return encodeTaskClass({ priority, classKey, ...(key === undefined ? {} : { key }) });
  }

  /** What was agreed with the instance when it got the attempt; 0: the fleet's window. */
  private lossWindowOf(
    runId: string,
    node: CompiledAgentNode,
    { path, attempt, instanceId }: { readonly path: string; readonly attempt: number; readonly instanceId: string },
  ): number {
    const instance = this.options.fleet.instances.get(instanceId);
    const held = instance?.held.get(formatAttemptId({ runId, path, number: attempt }));
    const capability = instance === undefined ? undefined : capabilityOf(instance, node.action);
    return held?.lossWindowMs ?? node.lossWindowMs ?? capability?.lossWindowMs ?? 0;
  }

  private dropTask(holder: RunHolder, effect: TaskDone, batch: StagedBatch): void {
    const { path, attempt } = effect;
    const key = taskKey(holder.runId, path, attempt);
    batch.deleteTask(key, { runId: holder.runId, path, attempt });
    this.options.timers.cancel(key);
    if (effect.wasQueued === true) this.options.scheduler.apply({ type: 'stepRemoved', runId: holder.runId, path });
  }

  private lease(holder: RunHolder, state: RunState, effect: Dispatch, batch: StagedBatch): void {
    const { node, queuedAt, detail } = effect.step;
    const instance = this.options.fleet.instances.get(effect.instanceId);
    if (instance === undefined) {
      // It left between the scheduler's choice and this decision.
      batch.effects.push(() => this.options.onGone(holder.runId, effect.path, effect.number));
      return;
    }
    const checkpoint = holder.checkpoints?.get(effect.path);
    const bytes = weightOf(effect.input, checkpoint, node.metadata);
    const held: HeldAttempt = {
      attemptId: formatAttemptId({ runId: holder.runId, path: effect.path, number: effect.number }),
      runId: holder.runId,
      path: effect.path,
      number: effect.number,
      capability: node.action,
      ...(detail?.key === undefined ? {} : { key: detail.key }),
      idempotent: effect.idempotent,
      lossWindowMs: this.lossWindowOf(holder.runId, node, { ...effect, attempt: effect.number }),
      acceptUntil: instance.isManual ? 0 : this.options.registryTime() + times.acceptMs,
      heardAt: 0,
      stop: undefined,
      isSent: false,
      isFenced: false,
      bytes,
      checkpointAt: Number.NEGATIVE_INFINITY,
    };
    this.options.fleet.hold(instance, held);
    this.options.onLeased(instance, bytes);
    this.options.metrics.attemptStarted();
    this.options.metrics.queueWaited(this.options.clock.now() - queuedAt);
    if (instance.peer === undefined && !instance.isHeldBack) batch.effects.push(() => this.options.onUnreachable(held));
    let prepared: WireAssignment | undefined;
    batch.preparations.push(() => {
      prepared = encoded(instance, this.assignments.build(state, node, effect, checkpoint));
    });
    batch.effects.push(() => {
      void this.send(instance, held, prepared ?? this.assignments.build(state, node, effect, checkpoint));
    });
  }

  private stop(state: RunState, effect: Stop, batch: StagedBatch): void {
    const instance = this.options.fleet.instances.get(effect.instanceId);
    const attemptId = formatAttemptId({ runId: state.runId, path: effect.path, number: effect.number });
    const held = instance?.held.get(attemptId);
    if (instance === undefined || held === undefined) return;
    const step = findStep(state, effect.path);
    const attempt = step === undefined ? undefined : findAttempt(step, effect.number);
    // A step that is gone ended with its iteration.
    held.isFenced = attempt === undefined || attempt.outcome !== undefined;
    held.acceptUntil = 0;
    const stop = { attemptId, reason: effect.reason, graceMs: effect.graceMs };
    batch.effects.push(() => {
      // Only now: an instance that returns before the batch is durable must not be told.
      held.stop = stop;
      this.options.outbox.stop(instance, stop);
    });
  }
}

export function taskKey(runId: string, path: string, attempt: number): string {
  return `${runId}/${path}#${attempt}`;
}
