/** Puts a decision into the current batch: rows, queue entries and slots now, answers and frames when it is durable. */
import type { Alerts } from '../../core/alerts.ts';
import type { CancelTimer, Clock } from '../../core/clock.ts';
import { formatAttemptId } from '../../core/ids.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { StoredValue } from '../../core/stored-value.ts';
import type { Command, Decision } from '../engine/commands.ts';
import type { BodiesTakenOver, RunEnded, RunEvent } from '../engine/events.ts';
import type { RunState } from '../engine/state.ts';
import type { RunStatus } from '../engine/status.ts';
import type { Fleet } from '../registry/fleet.ts';
import { capabilityOf, hasRoom } from '../registry/instance.ts';
import type { Assignment } from '../scheduler/types.ts';
import type { RunChange, RunRow } from '../store/port.ts';
import type { Admission } from './admission.ts';
import type { Blobs } from './blobs.ts';
import type { Committer } from './committer.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { EndedRuns } from './ended-runs.ts';
import type { PastRuns } from './past-runs.ts';
import type { Pending, RunHolder } from './run-holder.ts';
import type { Runs } from './runs.ts';
import type { StagedBatch } from './staged-batch.ts';
import type { Starts } from './starts.ts';
import { slotOf } from './step-classes.ts';
import type { WatchHub } from './watch.ts';

export interface StagingOptions {
  readonly clock: Clock;
  readonly alerts: Alerts;
  readonly metrics: Metrics;
  readonly fleet: Fleet;
  readonly runs: Runs;
  readonly starts: Starts;
  readonly admission: Pick<Admission, 'staged'>;
  readonly ended: EndedRuns;
  readonly past: PastRuns;
  readonly dispatcher: Dispatcher;
  readonly blobs: Blobs;
  readonly watch: WatchHub;
  readonly committer: () => Committer;
  /** Something was decided: what else must happen when it is durable. */
  readonly onDecided: (state: RunState, events: readonly RunEvent[]) => (() => void) | undefined;
  /** The end of a run is durable. */
  readonly onEnded: (state: RunState) => void;
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
    if (state.status === 'QUEUED') this.letGo(holder, state, batch);
    if (events.length === 0) return;
    holder.movedAt = this.options.clock.monotonic();
    this.options.ended.forget(holder.runId);
    const position = state.position - events.length;
    // Whoever begins to watch before the batch is durable must see it, too.
    batch.effects.push(() => this.options.watch.publish(holder.runId, position, events));
    const after = this.options.onDecided(state, events);
    if (after !== undefined) batch.effects.push(after);
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
    this.submit(step.runId, command, {
      ...slotOf(instanceId, assignment),
      failedCommits: this.options.committer().failures,
      offered: instance && { state: instance.state, operatorLabels: instance.operatorLabels },
    });
  }

  timerFired(runId: string, path: string, attempt: number): void {
    this.submit(runId, { type: 'TimerFired', path, attempt, heardAt: 0, mayRunUntil: 0 });
  }

  /** Looks at a run that has nothing to wait for, so that it goes on or ends. */
  lookAt(runId: string): void {
    this.submit(runId, { type: 'Continue', paths: [] });
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

  /** The value that came with the command is stored with it, when it was taken. */
  private attach(holder: RunHolder, decision: Decision, pending: Pending, batch: StagedBatch): void {
    const { attachment } = pending;
    if (attachment === undefined || decision.events.length === 0) return;
    if (decision.answer.type === 'result' && decision.answer.verdict !== 'ACCEPTED') return;
    batch.addBlob({ runId: holder.runId, blobId: attachment.blobId, bytes: attachment.bytes });
    this.options.blobs.replace(holder.runId, attachment.blobId, attachment.bytes);
  }

  /**
   * The run was loaded since the scheduler chose. The step waits again when the instance left, offers something else, has other
   * labels, or when a commit failed meanwhile.
   */
  mayAssign(state: RunState, pending: Pending): boolean {
    const { fleet, dispatcher, committer } = this.options;
    const { command, booked } = pending;
    const instance = fleet.instances.get(booked?.instanceId ?? '');
    const isAsChosen =
      instance !== undefined &&
      instance.state === booked?.offered?.state &&
      instance.operatorLabels === booked.offered.operatorLabels &&
      booked.failedCommits === committer().failures;
    if (command.type !== 'AssignStep' || (isAsChosen && hasRoom(instance))) return true;
    this.giveBack(pending);
    dispatcher.waitAgain(state, command.path);
    committer().kick();
    return false;
  }

  /** A slot was booked for an assignment that does not happen. */
  giveBack({ booked }: Pending): void {
    if (booked !== undefined) this.options.dispatcher.freeSlot(slotOf(booked.instanceId, booked));
  }

  /** Nothing of a run that waits for its turn stays in memory. */
  private letGo(holder: RunHolder, state: RunState, batch: StagedBatch): void {
    const { position } = state;
    batch.effects.push(() => {
      if (state.status === 'QUEUED' && state.position === position) this.options.runs.release(holder);
    });
  }

  private note(holder: RunHolder, state: RunState, event: RunEvent, batch: StagedBatch): void {
    const { metrics } = this.options;
    this.options.admission.staged(state, event);
    switch (event.type) {
      case 'RunCreated': {
        metrics.runStarted();
        const made = this.options.starts.rowOf(state.runId);
        if (made === undefined) return;
        const row: RunRow = state.status === 'QUEUED' ? { ...made, status: 'QUEUED' } : made;
        holder.row = row;
        batch.addRun({ type: 'insert', row });
        copyBlob(batch, state, event.params);
        return;
      }
      case 'RunStarted':
        // A run that starts at once is inserted as RUNNING.
        if (holder.row?.status === 'RUNNING') return;
        if (holder.row !== undefined) holder.row = { ...holder.row, status: 'RUNNING' };
        return batch.addRun(statusOf(state.runId, 'RUNNING'));
      case 'RunTryStarted':
        return batch.addRun(statusOf(state.runId, 'RUNNING'));
      case 'StepTakenOver':
        return copyBlob(batch, state, event.output);
      case 'BodiesTakenOver':
        for (const value of valuesOf(event)) copyBlob(batch, state, value);
        return;
      case 'AttemptEnded':
        holder.usage?.delete(`${event.path}#${event.number}`);
        return metrics.attemptEnded(event.outcome);
      case 'StepCompleted':
        forget(holder, event.path);
        return metrics.stepEnded('COMPLETED');
      case 'StepFailed':
        forget(holder, event.path);
        return metrics.stepEnded(event.status);
      case 'StepSkipped':
        return metrics.stepEnded('SKIPPED');
      case 'StepCancelled':
        forget(holder, event.path);
        return metrics.stepEnded('CANCELLED');
      case 'RunEnding':
        // For lists. A run that is over in the same batch is written once, with its end.
        batch.addRun({
          type: 'status',
          runId: state.runId,
          status: 'ENDING',
          endedAt: undefined,
          failureCode: event.failure?.code,
        });
        return;
      case 'RunEnded':
        return this.ended(holder, event, batch);
      default:
        return;
    }
  }

  private alert(workflow: string, runId: string, { status, failure }: RunEnded): void {
    if (status !== 'FAILED' && status !== 'TIMED_OUT') return;
    const { code = status, message = '', path = '', agentId = '' } = failure ?? {};
    this.options.alerts.raise({
      kind: status === 'FAILED' ? 'runFailed' : 'runTimedOut',
      subject: `${workflow} ${code} ${path}`,
      message: `run ${runId} of "${workflow}" ended ${status}: ${code} ${message}`.trim(),
      facts: { run: runId, workflow, code, step: path, agent: agentId },
    });
  }

  private ended(holder: RunHolder, event: RunEnded, batch: StagedBatch): void {
    this.options.metrics.runEnded(event.status);
    const { runId } = holder;
    batch.addRun({ type: 'status', runId, status: event.status, endedAt: event.at, failureCode: event.failure?.code });
    const { state, row } = holder;
    const position = state?.position;
    batch.effects.push(() => {
      // Something may have been decided after the end that is not durable yet.
      if (state?.position === position && state !== undefined && row !== undefined)
        this.options.ended.keep({ row, state });
      if (state !== undefined) this.options.past.note(state);
      this.options.watch.over(runId);
      this.options.runs.release(holder);
      if (state !== undefined) this.options.onEnded(state);
      if (state !== undefined) this.alert(state.workflow.name, runId, event);
    });
  }
}

/** Of a run that is open: for lists. */
function statusOf(runId: string, status: RunStatus): RunChange {
  return { type: 'status', runId, status, endedAt: undefined, failureCode: undefined };
}

/** A run that takes values over has them for itself, in the same commit: the run before may be deleted at any time. */
function copyBlob(batch: StagedBatch, { runId, retryOf }: RunState, value: StoredValue | undefined): void {
  if (retryOf === undefined || value?.kind !== 'blob') return;
  batch.blobCopies.push({ runId, blobId: value.blobId, fromRunId: retryOf });
}

function valuesOf({ kept }: BodiesTakenOver): readonly StoredValue[] {
  if (kept === undefined) return [];
  return 'last' in kept ? [kept.last] : [kept.list, ...kept.outputs.map(({ output }) => output)];
}

/** The step is over: nobody goes on from what its attempts said. */
function forget({ checkpoints, progress }: RunHolder, path: string): void {
  checkpoints?.delete(path);
  progress?.delete(path);
}
