/**
 * Between the engine, the scheduler and the fleet: turns a decision's effects into task rows, queue entries, slots and
 * timers at once (they are memory, undone with a failed batch), and into frames once the batch is durable.
 */
import type { Clock } from '../../core/clock.ts';
import { formatAttemptId, shardOf } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import { limits, times } from '../../core/limits.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { SecretMark } from '../../core/secret-mark.ts';
import type { StoredValue } from '../../core/stored-value.ts';
import type { CompiledAgentNode } from '../../workflow/compiled.ts';
import type { Priority } from '../../workflow/definition.ts';
import type { CancelChild, Decision, Dispatch, SeekChild, Stop, TaskDone, TaskEffect } from '../engine/commands.ts';
import { deadlinesOf } from '../engine/deadlines.ts';
import type { Failure } from '../engine/events.ts';
import { findAgentStep, findStep, liveSteps } from '../engine/frames.ts';
import { type AgentStep, findAttempt, isAgentStep, type RunState } from '../engine/state.ts';
import type { Fleet } from '../registry/fleet.ts';
import type { WireAssignment } from '../registry/frames.ts';
import { capabilityOf, type HeldAttempt, type Instance } from '../registry/instance.ts';
import { classKeyOf } from '../scheduler/class-key.ts';
import { orderKeyOf } from '../scheduler/order-key.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { SlotUse, StepClass, StepKey } from '../scheduler/types.ts';
import type { TaskRow } from '../store/port.ts';
import type { Blobs } from './blobs.ts';
import type { Outbox } from './outbox.ts';
import type { RunHolder } from './run-holder.ts';
import type { Resolved } from './secrets.ts';
import type { StagedBatch } from './staged-batch.ts';
import { encodeTaskClass } from './task-class.ts';
import type { Timers } from './timers.ts';

const NO_METADATA: JsonObject = {};

export interface DispatcherOptions {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly scheduler: Scheduler;
  readonly fleet: Fleet;
  readonly timers: Timers;
  readonly blobs: Blobs;
  readonly outbox: Outbox;
  readonly registryTime: () => number;
  /** An attempt was leased to an instance that has left meanwhile. */
  readonly onGone: (runId: string, path: string, number: number) => void;
  /** An attempt was leased to an instance whose stream has ended meanwhile. */
  readonly onUnreachable: (attempt: HeldAttempt) => void;
  /** Puts secrets into an input. */
  readonly resolve: (runId: string, input: Uint8Array, marks: readonly SecretMark[]) => Resolved;
  /** An attempt was leased and cannot be sent. */
  readonly onUnsendable: (attempt: HeldAttempt, failure: Pick<Failure, 'code' | 'message'>) => void;
  readonly onBlobMissing: (runId: string, path: string, error: unknown) => void;
  /** A durable decision of the run asks for something about a child run. */
  readonly onChild: (runId: string, effect: SeekChild | CancelChild) => void;
}

/** What a node asks for does not change during a run: one entry per node of a loaded definition. */
interface NodeClass {
  readonly stepClass: StepClass;
  readonly key: string;
}

export class Dispatcher {
  private readonly options: DispatcherOptions;
  private readonly classes = new WeakMap<CompiledAgentNode, Map<string, NodeClass>>();

  constructor(options: DispatcherOptions) {
    this.options = options;
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
  assignmentOf(
    state: RunState,
    path: string,
    number: number,
    checkpoint: Uint8Array | undefined,
  ): WireAssignment | undefined {
    const step = findAgentStep(state, path);
    const attempt = step === undefined ? undefined : findAttempt(step, number);
    if (attempt === undefined || attempt.outcome !== undefined || step?.input === undefined) return undefined;
    return this.build(state, step.node, { ...attempt, path, input: step.input }, checkpoint);
  }

  classOf(state: RunState, node: CompiledAgentNode): NodeClass {
    let byNamespace = this.classes.get(node);
    if (byNamespace === undefined) {
      byNamespace = new Map();
      this.classes.set(node, byNamespace);
    }
    const known = byNamespace.get(state.namespace);
    if (known !== undefined) return known;
    const stepClass: StepClass = {
      namespace: state.namespace,
      capability: node.action,
      versionRange: node.version ?? '',
      agentId: node.agentId ?? '',
      labels: node.agentLabels,
    };
    const made = { stepClass, key: classKeyOf(stepClass) };
    byNamespace.set(state.namespace, made);
    return made;
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
    const held: HeldAttempt = {
      attemptId: formatAttemptId({ runId: holder.runId, path: effect.path, number: effect.number }),
      runId: holder.runId,
      path: effect.path,
      number: effect.number,
      capability: node.action,
      ...(detail?.key === undefined ? {} : { key: detail.key }),
      idempotent: effect.idempotent,
      lossWindowMs: this.lossWindowOf(holder.runId, node, { ...effect, attempt: effect.number }),
      acceptUntil: this.options.registryTime() + times.acceptMs,
      heardAt: 0,
      stop: undefined,
      isFenced: false,
      checkpointAt: Number.NEGATIVE_INFINITY,
    };
    this.options.fleet.hold(instance, held);
    this.options.metrics.attemptStarted();
    this.options.metrics.queueWaited(this.options.clock.now() - queuedAt);
    if (instance.peer === undefined) batch.effects.push(() => this.options.onUnreachable(held));
    const checkpoint = holder.checkpoints?.get(effect.path);
    let prepared: WireAssignment | undefined;
    batch.preparations.push(() => {
      prepared = encoded(instance, this.build(state, node, effect, checkpoint));
    });
    batch.effects.push(() => this.send(instance, held, prepared ?? this.build(state, node, effect, checkpoint)));
  }

  private build(
    state: RunState,
    node: CompiledAgentNode,
    attempt: Pick<Dispatch, 'path' | 'number' | 'try' | 'instanceId' | 'idempotent' | 'input' | 'deadlineAt'>,
    checkpoint: Uint8Array | undefined,
  ): WireAssignment {
    const { path, number } = attempt;
    const secrets = state.secrets.length === 0 ? undefined : findAgentStep(state, path)?.detail?.secrets;
    const instance = this.options.fleet.instances.get(attempt.instanceId);
    const capability = instance === undefined ? undefined : capabilityOf(instance, node.action);
    return {
      attemptId: formatAttemptId({ runId: state.runId, path, number }),
      runId: state.runId,
      workflow: state.workflow.name,
      path,
      number,
      try: attempt.try,
      capability: node.action,
      capabilityVersion: capability?.version ?? '',
      input: attempt.input,
      ...(secrets === undefined ? {} : { secrets }),
      timeoutMs: attempt.deadlineAt === 0 ? 0 : Math.max(1, Math.round(attempt.deadlineAt - this.options.clock.now())),
      idempotencyKey: `${state.runId}/${path}`,
      idempotent: attempt.idempotent,
      lossWindowMs: node.lossWindowMs ?? capability?.lossWindowMs ?? 0,
      heartbeatTimeoutMs: node.heartbeatTimeoutMs ?? 0,
      checkpoint,
      priority: node.priority ?? state.priority,
      metadata: node.metadata ?? NO_METADATA,
    };
  }

  /** Sends an assignment to an instance that still holds it; the input is fetched first when it is not at hand. */
  send(instance: Instance, held: HeldAttempt, assignment: WireAssignment): void {
    if (instance.peer === undefined || instance.held.get(held.attemptId) !== held) return;
    // It ended before it left: the agent will never have it, and nobody would confirm that it stopped.
    if (held.isFenced) return this.release(instance.instanceId, held.attemptId);
    const ready = this.options.blobs.forWire(held.runId, assignment.input);
    if (ready !== undefined && assignment.secrets !== undefined)
      return this.sendSecret(instance, held, assignment, ready);
    if (ready !== undefined) {
      this.options.outbox.assign(instance, ready === assignment.input ? assignment : { ...assignment, input: ready });
      return;
    }
    this.options.blobs.read(held.runId, assignment.input).then(
      (bytes) => {
        if (instance.held.get(held.attemptId) !== held) return;
        if (held.isFenced) return this.release(instance.instanceId, held.attemptId);
        const input = { kind: 'inline', bytes } as const;
        if (assignment.secrets !== undefined) this.sendSecret(instance, held, assignment, input);
        else this.options.outbox.assign(instance, { ...assignment, input });
        this.options.outbox.flushSoon();
      },
      (error) => this.options.onBlobMissing(held.runId, held.path, error),
    );
  }

  /** The values are in this frame and nowhere else. */
  private sendSecret(
    instance: Instance,
    held: HeldAttempt,
    { secrets = [], ...assignment }: WireAssignment,
    input: StoredValue,
  ): void {
    const resolved = this.resolve(held.runId, input, secrets);
    if ('bytes' in resolved) {
      this.options.outbox.assign(instance, { ...assignment, input: { kind: 'inline', bytes: resolved.bytes } });
      return;
    }
    this.release(instance.instanceId, held.attemptId);
    this.options.onUnsendable(held, resolved.failure);
  }

  private resolve(runId: string, input: StoredValue, marks: readonly SecretMark[]): Resolved {
    if (input.kind === 'blob') return tooLarge(input.size);
    const resolved = this.options.resolve(runId, input.bytes, marks);
    const size = 'bytes' in resolved ? resolved.bytes.length : 0;
    return size > limits.inlineWireBytesMax ? tooLarge(size) : resolved;
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

/** With its bytes, if it goes out as it is. */
function encoded({ peer }: Instance, assignment: WireAssignment): WireAssignment {
  if (peer === undefined || assignment.secrets !== undefined || assignment.input.kind !== 'inline') return assignment;
  return { ...assignment, encoded: peer.encode(assignment) };
}

/** What does not fit a frame is fetched as it is stored, which is without the secrets. */
function tooLarge(size: number): Resolved {
  const message = `Cannot send an input of ${size} bytes with secrets in it: at most ${limits.inlineWireBytesMax}`;
  return { failure: { code: 'LIMIT', message } };
}

/** The concurrency key of a step; undefined: none. */
export function keyOf({ node, detail }: AgentStep): StepKey | undefined {
  if (detail?.key === undefined || node.concurrencyKey === undefined) return undefined;
  return { name: detail.key, limit: node.concurrencyKey.limit };
}

/** What an attempt takes of its instance. */
export function slotOf(instanceId: string, { capability, key }: Pick<HeldAttempt, 'capability' | 'key'>): SlotUse {
  return { instanceId, capability, ...(key === undefined ? {} : { key }) };
}

export function taskKey(runId: string, path: string, attempt: number): string {
  return `${runId}/${path}#${attempt}`;
}
