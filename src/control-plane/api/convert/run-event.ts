/**
 * Events of a run as watchers see them. Those that only the engine needs (queueings, stops, late results) are left out;
 * positions keep their gaps. What an event of the journal does not repeat is remembered from the ones before it.
 */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { LogLevel } from '../../../gen/yardmaster/v1/report_pb.ts';
import { RunEventSchema, type RunEvent as WireEvent } from '../../../gen/yardmaster/v1/run_event_pb.ts';
import { RunStatus } from '../../../gen/yardmaster/v1/run_pb.ts';
import { AttemptOutcome, SkipReason, StepStatus } from '../../../gen/yardmaster/v1/step_state_pb.ts';
import type {
  BlockStarted,
  BodiesTakenOver,
  BodyEnded,
  ChildStarted,
  RunEvent,
  StepFellBack,
  StepWaiting,
} from '../../engine/events.ts';
import { liveSteps, nodeOf } from '../../engine/frames.ts';
import type { RunView, WatchedEvent } from '../../runtime/control-plane.ts';
import { writeFailure, writeFailures } from './failure.ts';
import { countSteps } from './run.ts';
import { StepMemories } from './step-memory.ts';
import { STEP_KINDS, usesFallback } from './step-state.ts';
import { writeTime } from './times.ts';

type Body = MessageInitShape<typeof RunEventSchema>['event'];
type LiveOf = Extract<WatchedEvent, { kind: 'live' }>;

const LOG_LEVELS: Readonly<Record<string, LogLevel>> = {
  debug: LogLevel.DEBUG,
  info: LogLevel.INFO,
  warn: LogLevel.WARN,
  error: LogLevel.ERROR,
};

export class RunEventWriter {
  private readonly view: RunView;
  private readonly memories = new StepMemories();

  constructor(view: RunView) {
    this.view = view;
    for (const step of liveSteps(view.state)) {
      const { path, detail } = step;
      if (usesFallback(step)) this.memories.of(path).fellBack = detail?.failure;
      for (const { number, agentId, instanceId } of detail?.attempts ?? []) {
        this.memories.of(path).holders.set(number, { agentId, instanceId });
      }
    }
  }

  /** Undefined: nothing for watchers. */
  write(watched: WatchedEvent): WireEvent | undefined {
    const { runId } = this.view.row;
    if (watched.kind === 'live') {
      return create(RunEventSchema, { runId, time: writeTime(watched.at), event: liveBody(watched) });
    }
    const event = this.body(watched.event);
    if (event === undefined) return undefined;
    // The journal counts from 0; on the wire 0 is a live event.
    return create(RunEventSchema, { position: watched.position + 1, runId, time: writeTime(watched.event.at), event });
  }

  private body(event: RunEvent): Body {
    switch (event.type) {
      case 'RunStarted': {
        const { row, state } = this.view;
        const { total } = countSteps(state);
        return {
          case: 'runStarted',
          value: { workflow: row.workflow, workflowVersion: row.version, totalSteps: total },
        };
      }
      case 'BodyStarted':
        return { case: 'bodyStarted', value: { stepPath: event.path, number: event.number } };
      case 'BodyEnded':
        return this.bodyEnded(event);
      case 'BlockStarted':
        return this.ready(event.path, event.items);
      case 'StepReady':
        return this.ready(event.path);
      case 'StepWaiting':
        return this.waiting(event);
      case 'AttemptStarted': {
        const { path, number, try: tryNumber, agentId, instanceId, resumed = false } = event;
        const memory = this.memories.of(path);
        memory.holders.set(number, { agentId, instanceId });
        memory.try = tryNumber;
        return { case: 'attemptStarted', value: { stepPath: path, number, tryNumber, agentId, instanceId, resumed } };
      }
      case 'AttemptUnreachable':
        return {
          case: 'attemptUnreachable',
          value: { ...this.attempt(event), reason: 'its stream ended or it fell silent' },
        };
      case 'AttemptReturned':
        return { case: 'attemptReturned', value: this.attempt(event) };
      case 'AttemptEnded': {
        const memory = this.memories.of(event.path);
        memory.failure = event.failure;
        if (event.countsAsTry === true) memory.try += 1;
        const value = { ...this.attempt(event), outcome: AttemptOutcome[event.outcome] };
        return {
          case: 'attemptEnded',
          value: { ...value, error: writeFailure(event.failure), usage: { ...event.usage } },
        };
      }
      case 'RetryScheduled': {
        const { try: tryNumber, failure } = this.memories.of(event.path);
        const node = nodeOf(this.view.state, event.path);
        const tries = node?.kind === 'agent' ? node.retry.tries : 0;
        const value = { stepPath: event.path, tryNumber, tries, dueTime: writeTime(event.dueAt) };
        return { case: 'retryScheduled', value: { ...value, error: writeFailure(failure) } };
      }
      default:
        return this.ended(event);
    }
  }

  private ended(
    event: Exclude<
      RunEvent,
      {
        type:
          | 'RunStarted'
          | 'BlockStarted'
          | `Body${string}`
          | 'StepReady'
          | 'StepWaiting'
          | `Attempt${string}`
          | 'RetryScheduled';
      }
    >,
  ): Body {
    switch (event.type) {
      case 'StepTakenOver':
        return stepEnded({
          stepPath: event.path,
          status: StepStatus[event.status],
          error: writeFailure(event.failure),
          ...(event.reason !== undefined && { skipReason: SkipReason[event.reason] }),
          skippedBecauseOf: event.because ?? '',
          takenOver: true,
          usedFallback: event.status === 'COMPLETED' && event.failure !== undefined,
        });
      case 'BodiesTakenOver':
        return bodiesTakenOver(event);
      case 'StepFellBack':
        return this.fellBack(event);
      case 'StepCompleted':
        return this.completed(event.path);
      case 'StepFailed':
        return stepEnded({
          stepPath: event.path,
          status: StepStatus[event.status],
          error: writeFailure(event.failure),
        });
      case 'StepSkipped':
        return stepEnded({
          stepPath: event.path,
          status: StepStatus.SKIPPED,
          skipReason: SkipReason[event.reason],
          skippedBecauseOf: event.because ?? '',
        });
      case 'StepCancelled':
        return stepEnded({ stepPath: event.path, status: StepStatus.CANCELLED });
      case 'SignalReceived': {
        const { name, number, actor = '', requestId } = event;
        return { case: 'signalReceived', value: { name, number, actor, requestId } };
      }
      case 'ChildStarted':
        return this.childStarted(event);
      case 'SignalTaken':
        return { case: 'signalTaken', value: { stepPath: event.path, number: event.number } };
      case 'CancelRequested':
        return { case: 'cancelRequested', value: { reason: event.reason } };
      case 'RunPaused':
        return { case: 'runPaused', value: { reason: event.reason } };
      case 'RunResumed':
        return { case: 'runResumed', value: {} };
      case 'RunTryScheduled':
        return { case: 'runTryScheduled', value: { dueTime: writeTime(event.dueAt) } };
      case 'RunTryStarted': {
        // Their tries are counted from 1 again.
        for (const path of event.again) this.memories.startAgain(path);
        const paths = { stepPaths: [...event.again], continuedPaths: [...(event.continued ?? [])] };
        return { case: 'runTryStarted', value: { tryNumber: event.try, ...paths } };
      }
      case 'RunEnding':
        return { case: 'runEnding', value: { outcome: RunStatus[event.outcome], error: writeFailure(event.failure) } };
      case 'RunEnded':
        return {
          case: 'runEnded',
          value: {
            status: RunStatus[event.status],
            error: writeFailure(event.failure),
            unconsumedSignals: event.unconsumedSignals ?? 0,
            cleanupErrors: writeFailures(event.cleanupFailures ?? []),
          },
        };
      case 'RunCreated':
      case 'RunTryDropped':
      case 'StepQueued':
      case 'StopConfirmed':
      case 'StepStopping':
      case 'LateResult':
        return undefined;
    }
  }

  /** Nothing more comes of its steps: what is remembered of them goes with them. */
  private bodyEnded({ path, number, nextAt, status }: BodyEnded): Body {
    this.memories.drop(`${path}/${number}/`);
    const value = { stepPath: path, number, dueTime: writeTime(nextAt), status: StepStatus[status ?? 'COMPLETED'] };
    return { case: 'bodyEnded', value };
  }

  private ready(path: string, items?: BlockStarted['items']): Body {
    const node = nodeOf(this.view.state, path);
    if (node === undefined) return undefined;
    const action = node.kind === 'agent' ? node.action : '';
    const { attached } = node;
    const owner = attached === undefined ? '' : this.besideOf(path, node.owner, attached.owner);
    const { count = 0, kept = 0 } = items ?? {};
    const value = { stepPath: path, kind: STEP_KINDS[node.kind], action, items: count, keptItems: kept };
    if (attached?.kind === 'fallback') return { case: 'stepReady', value: { ...value, fallbackOf: owner } };
    return { case: 'stepReady', value: { ...value, compensates: owner } };
  }

  private fellBack({ path, status, failure }: StepFellBack): Body {
    this.memories.of(path).fellBack = failure;
    const node = nodeOf(this.view.state, path);
    const fallbackPath = node?.fallback === undefined ? '' : this.besideOf(path, node.owner, node.fallback);
    const value = { stepPath: path, status: StepStatus[status], error: writeFailure(failure), fallbackPath };
    return { case: 'stepFellBack', value };
  }

  private completed(path: string): Body {
    const failure = this.memories.of(path).fellBack;
    const value = { stepPath: path, status: StepStatus.COMPLETED };
    if (failure === undefined) return stepEnded(value);
    return stepEnded({ ...value, usedFallback: true, error: writeFailure(failure) });
  }

  /** Path of the step in a slot beside another one, which may be in an iteration or an item that is over. `body`: index of the loop or the map around both. */
  private besideOf(path: string, body: number, slot: number): string {
    const { nodes, rootNodes } = this.view.state.workflow;
    const around = nodes[body];
    const beside = around?.kind === 'loop' || around?.kind === 'map' ? around.body[slot] : rootNodes[slot];
    return `${path.slice(0, path.lastIndexOf('/') + 1)}${beside?.id ?? ''}`;
  }

  private waiting({ path, dueAt, title = '' }: StepWaiting): Body {
    const node = nodeOf(this.view.state, path);
    if (node === undefined) return undefined;
    const signal = node.kind === 'signal' ? node.signal : '';
    const value = { stepPath: path, kind: STEP_KINDS[node.kind], dueTime: writeTime(dueAt), signal, title };
    return { case: 'stepWaiting', value };
  }

  private childStarted({ path, runId, version }: ChildStarted): Body {
    const node = nodeOf(this.view.state, path);
    const workflow = node?.kind === 'workflow' ? node.workflow : '';
    return { case: 'childStarted', value: { stepPath: path, runId, workflow, workflowVersion: version } };
  }

  private attempt({ path, number }: { readonly path: string; readonly number: number }) {
    const holder = this.memories.of(path).holders.get(number);
    return { stepPath: path, number, agentId: holder?.agentId ?? '', instanceId: holder?.instanceId ?? '' };
  }
}

function bodiesTakenOver({ path: stepPath, kept }: BodiesTakenOver): Body {
  if (kept === undefined) return { case: 'bodiesTakenOver', value: { stepPath } };
  const value =
    'last' in kept ? { iterations: kept.iterations } : { items: kept.count, keptItems: kept.outputs.length };
  return { case: 'bodiesTakenOver', value: { stepPath, ...value } };
}

function stepEnded(value: Extract<Body, { case: 'stepEnded' }>['value']): Body {
  return { case: 'stepEnded', value };
}

function liveBody({ path, number, live }: LiveOf): NonNullable<Body> {
  const attempt = { stepPath: path, number };
  switch (live.type) {
    case 'progress':
      return { case: 'stepProgressed', value: { ...attempt, fraction: live.fraction, message: live.message } };
    case 'log': {
      const level = LOG_LEVELS[live.level] ?? LogLevel.INFO;
      return { case: 'stepLogged', value: { ...attempt, level, message: live.message, fields: { ...live.fields } } };
    }
    case 'checkpointStored':
      return { case: 'checkpointStored', value: attempt };
  }
}
