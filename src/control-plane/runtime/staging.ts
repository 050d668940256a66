/** Puts a decision into the current batch: rows, queue entries and slots now, answers and frames when it is durable. */
import type { CancelTimer, Clock } from '../../core/clock.ts';
import { formatAttemptId } from '../../core/ids.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { Command, Decision } from '../engine/commands.ts';
import type { RunEnded, RunEvent } from '../engine/events.ts';
import { type AttemptRecord, findAttempt, liveAttempts, type RunState, recordAt } from '../engine/state.ts';
import { isRunOver } from '../engine/status.ts';
import type { Fleet } from '../registry/fleet.ts';
import { capabilityOf, type HeldAttempt } from '../registry/instance.ts';
import type { Assignment } from '../scheduler/types.ts';
import type { Blobs } from './blobs.ts';
import type { Committer } from './committer.ts';
import { type Dispatcher, taskKey } from './dispatcher.ts';
import type { Pending, RunHolder } from './run-holder.ts';
import type { Runs } from './runs.ts';
import type { StagedBatch } from './staged-batch.ts';
import type { Starts } from './starts.ts';
import type { WatchHub } from './watch.ts';

export interface StagingOptions {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly fleet: Fleet;
  readonly runs: Runs;
  readonly starts: Starts;
  readonly dispatcher: Dispatcher;
  readonly blobs: Blobs;
  readonly watch: WatchHub;
  readonly committer: () => Committer;
}

export class Staging {
  private readonly options: StagingOptions;
  private cancelWake: CancelTimer | undefined = undefined;

  constructor(options: StagingOptions) {
    this.options = options;
  }

  stage(holder: RunHolder, state: RunState, decision: Decision, pending: Pending): void {
    const batch = this.options.committer().current;
    const { dispatcher } = this.options;
    this.attach(holder, decision, pending, batch);
    dispatcher.stage(holder, state, decision, batch);
    const { command } = pending;
    if (command.type === 'SettleAttempt') {
      const { path, number } = command;
      dispatcher.release(command.instanceId, formatAttemptId({ runId: holder.runId, path, number }));
    }
    if (command.type === 'AssignStep' && decision.answer.type !== 'assign') this.giveBack(pending);
    for (const event of decision.events) this.note(holder, state, event, batch);
    const { events } = decision;
    if (events.length === 0) return;
    const position = state.position - events.length;
    // Whoever begins to watch before the batch is durable must see it, too.
    batch.effects.push(() => this.options.watch.publish(holder.runId, position, events));
  }

  /** The scheduler's choice, as a command to the run. */
  assign(assignment: Assignment): void {
    const { step, instanceId, agentId } = assignment;
    const instance = this.options.fleet.instances.get(instanceId);
    const capability = instance === undefined ? undefined : capabilityOf(instance, assignment.capability);
    const command: Command = {
      type: 'AssignStep',
      path: step.path,
      agentId,
      instanceId,
      idempotent: capability?.idempotent ?? false,
      timeoutMs: capability?.timeoutMs ?? 0,
      resumed: this.options.runs.peek(step.runId)?.checkpoints?.has(step.path) === true,
    };
    this.submit(step.runId, command, { instanceId, capability: assignment.capability });
  }

  timerFired(runId: string, path: string, attempt: number): void {
    this.submit(runId, { type: 'TimerFired', path, attempt, heardAt: this.heardAt(runId, path, attempt) });
  }

  /** Looks at a run that has nothing to wait for, so that it goes on or ends. */
  lookAt(runId: string): void {
    this.submit(runId, { type: 'Continue', nodes: [] });
  }

  /** The run was read anew: what memory says of it is replaced by what is durable. */
  reloaded(holder: RunHolder, state: RunState): void {
    const assigned = new Set<string>();
    for (const { command } of holder.waiting) if (command.type === 'AssignStep') assigned.add(command.path);
    this.options.dispatcher.requeue(state, assigned);
    this.options.watch.reread(state.runId);
    if (isRunOver(state.status)) this.options.watch.over(state.runId);
    this.forgetLeases(state);
    for (const node of state.workflow.nodes) {
      for (const attempt of liveAttempts(recordAt(state, node.index))) this.holdAgain(state, node.id, attempt);
    }
  }

  /** The run is not there: its start did not become durable. */
  missing(runId: string): void {
    this.options.dispatcher.forget(runId);
    for (const instance of this.options.fleet.instances.values()) {
      for (const held of instance.held.values())
        if (held.runId === runId && !held.isFenced)
          this.options.dispatcher.release(instance.instanceId, held.attemptId);
    }
  }

  /** Leases that were staged and did not become durable: their slots are free again. */
  private forgetLeases(state: RunState): void {
    for (const instance of this.options.fleet.instances.values()) {
      for (const held of instance.held.values()) {
        if (held.runId !== state.runId || held.isFenced) continue;
        const index = state.workflow.indexById.get(held.path);
        const attempt = index === undefined ? undefined : findAttempt(recordAt(state, index), held.number);
        if (attempt === undefined || attempt.outcome !== undefined)
          this.options.dispatcher.release(instance.instanceId, held.attemptId);
      }
    }
  }

  /** A lease that became durable although its commit failed: the instance gets it now. */
  private holdAgain(state: RunState, path: string, attempt: AttemptRecord): void {
    const { dispatcher, fleet } = this.options;
    const instance = fleet.instances.get(attempt.instanceId);
    const attemptId = formatAttemptId({ runId: state.runId, path, number: attempt.number });
    if (instance === undefined || instance.held.has(attemptId)) return;
    const assignment = dispatcher.assignmentOf(state, path, attempt.number, undefined);
    if (assignment === undefined) return;
    const held: HeldAttempt = {
      attemptId,
      runId: state.runId,
      path,
      number: attempt.number,
      capability: assignment.capability,
      idempotent: attempt.idempotent,
      lossWindowMs: assignment.lossWindowMs,
      acceptUntil: 0,
      heardAt: 0,
      stop: undefined,
      isFenced: false,
      checkpointAt: Number.NEGATIVE_INFINITY,
    };
    fleet.hold(instance, held);
    dispatcher.takeSlot(instance.instanceId, assignment.capability);
    dispatcher.send(instance, held, assignment);
  }

  /** Kicks the committer once, later: an exclusion ends then. */
  wakeAt(delayMs: number, fn: () => void): void {
    this.cancelWake?.();
    this.cancelWake = this.options.clock.timer(delayMs, fn);
  }

  private submit(runId: string, command: Command, booked?: NonNullable<Pending['booked']>): void {
    this.options.runs.submit({
      runId,
      command,
      attachment: undefined,
      onAnswer: undefined,
      onError: undefined,
      isClient: false,
      failures: 0,
      ...(booked === undefined ? {} : { booked }),
    });
  }

  private heardAt(runId: string, path: string, attempt: number): number {
    const attemptId = taskKey(runId, path, attempt);
    const state = this.options.runs.peek(runId)?.state;
    const index = state?.workflow.indexById.get(path);
    if (state === undefined || index === undefined) return 0;
    const instanceId = recordAt(state, index).detail?.attempts[attempt - 1]?.instanceId ?? '';
    return this.options.fleet.instances.get(instanceId)?.held.get(attemptId)?.heardAt ?? 0;
  }

  /** The value that came with the command is stored with it, when it was taken. */
  private attach(holder: RunHolder, decision: Decision, pending: Pending, batch: StagedBatch): void {
    const { attachment } = pending;
    if (attachment === undefined || decision.events.length === 0) return;
    if (decision.answer.type === 'result' && decision.answer.verdict !== 'ACCEPTED') return;
    batch.addBlob({ runId: holder.runId, blobId: attachment.blobId, bytes: attachment.bytes });
    this.options.blobs.remember(holder.runId, attachment.blobId, attachment.bytes);
  }

  /** A slot was booked for an assignment that does not happen. */
  giveBack({ booked }: Pending): void {
    if (booked !== undefined) this.options.dispatcher.freeSlot(booked.instanceId, booked.capability);
  }

  private note(holder: RunHolder, state: RunState, event: RunEvent, batch: StagedBatch): void {
    const { metrics } = this.options;
    switch (event.type) {
      case 'RunCreated': {
        metrics.runStarted();
        const row = this.options.starts.rowOf(state.runId);
        if (row !== undefined) batch.addRun({ type: 'insert', row });
        return;
      }
      case 'AttemptEnded':
        return metrics.attemptEnded(event.outcome);
      case 'StepCompleted':
        holder.checkpoints?.delete(event.path);
        holder.progress?.delete(event.path);
        return metrics.stepEnded('COMPLETED');
      case 'StepFailed':
        return metrics.stepEnded(event.status);
      case 'StepSkipped':
        return metrics.stepEnded('SKIPPED');
      case 'StepCancelled':
        return metrics.stepEnded('CANCELLED');
      case 'RunEnded':
        return this.ended(holder, event, batch);
      default:
        return;
    }
  }

  private ended(holder: RunHolder, event: RunEnded, batch: StagedBatch): void {
    this.options.metrics.runEnded(event.status);
    const { runId } = holder;
    batch.addRun({ type: 'status', runId, status: event.status, endedAt: event.at, failureCode: event.failure?.code });
    batch.effects.push(() => {
      this.options.watch.over(runId);
      this.options.runs.release(holder);
    });
  }
}
