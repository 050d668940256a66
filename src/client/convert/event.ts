/** Run events from the wire. */
import { LogLevel } from '../../gen/yardmaster/v1/report_pb.ts';
import type { RunEvent as WireEvent } from '../../gen/yardmaster/v1/run_event_pb.ts';
import type { RunEvent, RunEventBody } from '../run-event.ts';
import { readAttemptOutcome, readRunStatus, readSkipReason, readStepKind, readStepStatus } from '../statuses.ts';
import type { RunFailure } from '../views.ts';
import { textOrNone, toDate, toFailure, toFailures, toUsage } from './wire.ts';

export function toRunEvent(wire: WireEvent): RunEvent {
  const { position, runId } = wire;
  return { position, time: toDate(wire.time) ?? new Date(0), runId, ...toBody(wire.event) };
}

type Body = RunEventBody & { readonly error?: RunFailure | undefined };

function toBody(event: WireEvent['event']): Body {
  switch (event.case) {
    case 'runStarted': {
      const { workflow, workflowVersion, totalSteps } = event.value;
      return { type: 'runStarted', workflow, version: workflowVersion, totalSteps };
    }
    case 'signalReceived': {
      const { name, number, actor, requestId } = event.value;
      return { type: 'signalReceived', name, number, actor: textOrNone(actor), requestId };
    }
    case 'cancelRequested':
      return { type: 'cancelRequested', reason: event.value.reason };
    case 'runPaused':
      return { type: 'runPaused', reason: event.value.reason };
    case 'runResumed':
      return { type: 'runResumed' };
    case 'runEstimated':
      return { type: 'runEstimated', endTime: toDate(event.value.endTime) };
    case 'runEnding':
      return { type: 'runEnding', outcome: readRunStatus(event.value.outcome), error: toFailure(event.value.error) };
    case 'runTryScheduled':
      return { type: 'runTryScheduled', dueTime: toDate(event.value.dueTime) };
    case 'runTryStarted': {
      const { tryNumber, stepPaths, continuedPaths } = event.value;
      return { type: 'runTryStarted', tryNumber, steps: stepPaths, continued: continuedPaths };
    }
    case 'runEnded':
      return {
        type: 'runEnded',
        status: readRunStatus(event.value.status),
        unconsumedSignals: event.value.unconsumedSignals,
        cleanupErrors: toFailures(event.value.cleanupErrors),
        error: toFailure(event.value.error),
      };
    default:
      return toStepBody(event);
  }
}

type StepCase = Exclude<
  WireEvent['event'],
  {
    readonly case:
      | 'runStarted'
      | 'signalReceived'
      | 'cancelRequested'
      | 'runPaused'
      | 'runResumed'
      | 'runEstimated'
      | 'runEnding'
      | 'runTryScheduled'
      | 'runTryStarted'
      | 'runEnded';
  }
>;

function toStepBody(event: StepCase): Body {
  switch (event.case) {
    case 'stepReady': {
      const { stepPath, kind, action, items, keptItems, fallbackOf, compensates } = event.value;
      const belongs = { fallbackOf: textOrNone(fallbackOf), compensates: textOrNone(compensates) };
      return { type: 'stepReady', step: stepPath, kind: readStepKind(kind), action, items, keptItems, ...belongs };
    }
    case 'stepFellBack': {
      const { stepPath, status, fallbackPath, error } = event.value;
      return {
        type: 'stepFellBack',
        step: stepPath,
        status: readStepStatus(status),
        fallback: fallbackPath,
        error: toFailure(error),
      };
    }
    case 'stepWaiting': {
      const { stepPath, kind, dueTime, signal, title } = event.value;
      const waiting = { dueTime: toDate(dueTime), signal: textOrNone(signal), title: textOrNone(title) };
      return { type: 'stepWaiting', step: stepPath, kind: readStepKind(kind), ...waiting };
    }
    case 'childStarted': {
      const { stepPath, runId, workflow, workflowVersion } = event.value;
      return { type: 'childStarted', step: stepPath, childRunId: runId, workflow, version: workflowVersion };
    }
    case 'signalTaken':
      return { type: 'signalTaken', step: event.value.stepPath, number: event.value.number };
    case 'bodiesTakenOver': {
      const { stepPath, iterations, items, keptItems } = event.value;
      return { type: 'bodiesTakenOver', step: stepPath, iterations, items, keptItems };
    }
    case 'bodyStarted':
      return { type: 'bodyStarted', step: event.value.stepPath, number: event.value.number };
    case 'bodyEnded': {
      const { stepPath, number, dueTime, status } = event.value;
      return {
        type: 'bodyEnded',
        step: stepPath,
        number,
        dueTime: toDate(dueTime),
        status: readStepStatus(status),
      };
    }
    case 'retryScheduled': {
      const { stepPath, tryNumber, tries, dueTime, error } = event.value;
      return {
        type: 'retryScheduled',
        step: stepPath,
        tryNumber,
        tries,
        dueTime: toDate(dueTime),
        error: toFailure(error),
      };
    }
    case 'stepEnded': {
      const { stepPath, status, error, skipReason, skippedBecauseOf, takenOver, usedFallback } = event.value;
      return {
        type: 'stepEnded',
        step: stepPath,
        status: readStepStatus(status),
        skipReason: readSkipReason(skipReason),
        skippedBecauseOf: textOrNone(skippedBecauseOf),
        takenOver,
        usedFallback,
        error: toFailure(error),
      };
    }
    default:
      return toAttemptBody(event);
  }
}

type AttemptCase = Exclude<
  StepCase,
  {
    readonly case:
      | 'stepReady'
      | 'stepFellBack'
      | 'stepWaiting'
      | 'childStarted'
      | 'signalTaken'
      | 'bodyStarted'
      | 'bodyEnded'
      | 'bodiesTakenOver'
      | 'retryScheduled'
      | 'stepEnded';
  }
>;

function toAttemptBody(event: AttemptCase): Body {
  if (event.case === undefined) return { type: 'unknown' };
  const { stepPath: step, number: attempt } = event.value;
  switch (event.case) {
    case 'stepProgressed': {
      const { fraction, message } = event.value;
      return { type: 'stepProgressed', step, attempt, fraction, message };
    }
    case 'stepLogged': {
      const { level, message, fields } = event.value;
      return { type: 'stepLogged', step, attempt, level: levelName(level), message, fields };
    }
    case 'checkpointStored':
      return { type: 'checkpointStored', step, attempt };
    case 'attemptStarted': {
      const { tryNumber, resumed } = event.value;
      return { type: 'attemptStarted', step, attempt, ...holderOf(event.value), tryNumber, resumed };
    }
    case 'attemptEnded': {
      const { outcome, error, usage } = event.value;
      const ended = { outcome: readAttemptOutcome(outcome), error: toFailure(error), ...toUsage(usage) };
      return { type: 'attemptEnded', step, attempt, ...holderOf(event.value), ...ended };
    }
    case 'attemptUnreachable':
      return { type: 'attemptUnreachable', step, attempt, ...holderOf(event.value), reason: event.value.reason };
    case 'attemptReturned':
      return { type: 'attemptReturned', step, attempt, ...holderOf(event.value) };
    default:
      return { type: 'unknown' };
  }
}

function holderOf(value: { readonly agentId: string; readonly instanceId: string }) {
  return { agent: value.agentId, instance: value.instanceId };
}

function levelName(level: LogLevel): string {
  const found = Object.entries(LogLevel).find(([, number]) => number === level && number !== LogLevel.UNSPECIFIED);
  return (found?.[0] ?? 'INFO').toLowerCase();
}
