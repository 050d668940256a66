import type {
  AttemptEnded,
  AttemptStarted,
  BlockStarted,
  BodiesTakenOver,
  BodyEnded,
  RetryScheduled,
  RunCreated,
  RunEnded,
  RunEnding,
  RunEvent,
  RunTryStarted,
  SignalReceived,
  StepFailed,
  StepReady,
  StepSkipped,
  StepStopping,
  StepTakenOver,
  StepWaiting,
} from '../../engine/events.ts';
import { corrupt } from './corrupt.ts';
import type { EventFields } from './event-fields.ts';
import { EVENT_TYPES } from './names.ts';

/** The event that `fields` tell; a part that its type needs and that is not there is STORE_CORRUPT. */
export function buildEvent(fields: EventFields): RunEvent {
  const { at, path, number } = fields;
  switch (fields.type) {
    case EVENT_TYPES.RunCreated:
      return buildRunCreated(fields);
    case EVENT_TYPES.RunStarted:
      return { type: 'RunStarted', at, ...(fields.until === undefined ? {} : { deadlineAt: fields.until }) };
    case EVENT_TYPES.StepTakenOver:
      return buildStepTakenOver(fields);
    case EVENT_TYPES.BlockStarted:
      return buildBlockStarted(fields);
    case EVENT_TYPES.StepReady:
      return buildStepReady(fields);
    case EVENT_TYPES.StepWaiting:
      return buildStepWaiting(fields);
    case EVENT_TYPES.ChildStarted:
      return { type: 'ChildStarted', at, path, ...must(fields.child, 'a child run') };
    case EVENT_TYPES.SignalReceived:
      return buildSignalReceived(fields);
    case EVENT_TYPES.SignalTaken:
      return { type: 'SignalTaken', at, path, number };
    case EVENT_TYPES.StepQueued:
      return { type: 'StepQueued', at, path };
    case EVENT_TYPES.AttemptStarted:
      return buildAttemptStarted(fields);
    case EVENT_TYPES.AttemptUnreachable:
      return { type: 'AttemptUnreachable', at, path, number };
    case EVENT_TYPES.AttemptReturned:
      return { type: 'AttemptReturned', at, path, number };
    case EVENT_TYPES.AttemptEnded:
      return buildAttemptEnded(fields);
    case EVENT_TYPES.StopConfirmed:
      return { type: 'StopConfirmed', at, path, number };
    case EVENT_TYPES.RetryScheduled:
      return buildRetryScheduled(fields);
    case EVENT_TYPES.StepStopping:
      return buildStepStopping(fields);
    case EVENT_TYPES.StepCompleted:
      return { type: 'StepCompleted', at, path, ...(fields.value === undefined ? {} : { output: fields.value }) };
    case EVENT_TYPES.StepFailed:
      return { type: 'StepFailed', ...buildFailed(fields) };
    case EVENT_TYPES.StepFellBack:
      return { type: 'StepFellBack', ...buildFailed(fields) };
    case EVENT_TYPES.StepSkipped:
      return buildStepSkipped(fields);
    case EVENT_TYPES.StepCancelled:
      return { type: 'StepCancelled', at, path };
    case EVENT_TYPES.LateResult:
      return { type: 'LateResult', at, path, number, outcome: must(fields.outcome, 'an outcome') };
    case EVENT_TYPES.BodyStarted:
      return { type: 'BodyStarted', at, path: fields.path, number: fields.number };
    case EVENT_TYPES.BodyEnded:
      return buildBodyEnded(fields);
    default:
      return buildRunEvent(fields);
  }
}

/** Events of the run as a whole, but for how it began. */
function buildRunEvent(fields: EventFields): RunEvent {
  const { at } = fields;
  switch (fields.type) {
    case EVENT_TYPES.CancelRequested:
      return { type: 'CancelRequested', at, reason: fields.reason };
    case EVENT_TYPES.RunPaused:
      return { type: 'RunPaused', at, reason: fields.reason };
    case EVENT_TYPES.RunResumed:
      return { type: 'RunResumed', at };
    case EVENT_TYPES.RunEnding:
      return buildRunEnding(fields);
    case EVENT_TYPES.RunEnded:
      return buildRunEnded(fields);
    default:
      return buildTryEvent(fields);
  }
}

/** Of another try: rare. */
function buildTryEvent(fields: EventFields): RunEvent {
  const { at, type } = fields;
  switch (type) {
    case EVENT_TYPES.RunTryScheduled:
      return { type: 'RunTryScheduled', at, dueAt: must(fields.until, 'a time') };
    case EVENT_TYPES.RunTryDropped:
      return { type: 'RunTryDropped', at, cleanupUntil: must(fields.until, 'a time') };
    case EVENT_TYPES.RunTryStarted:
      return buildRunTryStarted(fields);
    case EVENT_TYPES.BodiesTakenOver:
      return buildBodiesTakenOver(fields);
    default:
      return corrupt(`event type ${type} is unknown`);
  }
}

function buildRetryScheduled({ at, path, until, backoffUntil }: EventFields): RetryScheduled {
  return { type: 'RetryScheduled', at, path, dueAt: must(until, 'a time'), backoffUntil };
}

function buildRunCreated(fields: EventFields): RunCreated {
  const creation = must(fields.creation, 'what was created');
  const priority = must(creation.priority, 'a priority');
  return { type: 'RunCreated', at: fields.at, ...creation, priority, params: must(fields.value, 'parameters') };
}

function buildStepReady({ at, path, value, secrets, key }: EventFields): StepReady {
  const ready = { type: 'StepReady', at, path, input: must(value, 'an input') } as const;
  return { ...ready, ...(secrets === undefined ? {} : { secrets }), ...(key === undefined ? {} : { key }) };
}

function buildStepSkipped({ at, path, skipReason, because }: EventFields): StepSkipped {
  const reason = must(skipReason, 'a reason');
  return { type: 'StepSkipped', at, path, reason, ...(because === undefined ? {} : { because }) };
}

function buildStepTakenOver(fields: EventFields): StepTakenOver {
  const { at, path, number, agentId, value, failure, skipReason, because, branch } = fields;
  return {
    type: 'StepTakenOver',
    at,
    path,
    status: must(fields.stepEnd, 'how it ended'),
    number,
    ...(agentId === '' ? {} : { agentId }),
    ...(value === undefined ? {} : { output: value }),
    ...(failure === undefined ? {} : { failure }),
    ...(skipReason === undefined ? {} : { reason: skipReason }),
    ...(because === undefined ? {} : { because }),
    ...(branch === undefined ? {} : { branch }),
  };
}

function buildStepWaiting({ at, path, until, title, value }: EventFields): StepWaiting {
  return {
    type: 'StepWaiting',
    at,
    path,
    ...(until === undefined ? {} : { dueAt: until }),
    ...(title === undefined ? {} : { title }),
    ...(value === undefined ? {} : { input: value }),
  };
}

function buildSignalReceived({ at, signal: name, number, value, requestId, actor }: EventFields): SignalReceived {
  const payload = must(value, 'a payload');
  const received = { type: 'SignalReceived', at, name, number, payload, requestId } as const;
  return actor === undefined ? received : { ...received, actor };
}

function buildAttemptStarted(fields: EventFields): AttemptStarted {
  return {
    type: 'AttemptStarted',
    at: fields.at,
    path: fields.path,
    number: fields.number,
    try: fields.try,
    agentId: fields.agentId,
    instanceId: fields.instanceId,
    idempotent: fields.idempotent,
    ...(fields.until === undefined ? {} : { deadlineAt: fields.until }),
    ...(fields.resumed === undefined ? {} : { resumed: fields.resumed }),
  };
}

function buildAttemptEnded(fields: EventFields): AttemptEnded {
  const { at, path, number, failure, countsAsTry, unconfirmed, usage } = fields;
  const outcome = must(fields.outcome, 'an outcome');
  return {
    type: 'AttemptEnded',
    at,
    path,
    number,
    outcome,
    ...(failure === undefined ? {} : { failure }),
    ...(countsAsTry === undefined ? {} : { countsAsTry }),
    ...(unconfirmed === undefined ? {} : { unconfirmed }),
    ...(usage === undefined ? {} : { usage }),
  };
}

/** `value` is the list of a map, or what the last iteration of a loop gave. */
function buildBodiesTakenOver(fields: EventFields): BodiesTakenOver {
  const { at, path, number: count, value, iterations, itemOutputs: outputs = [] } = fields;
  const bodies = { type: 'BodiesTakenOver', at, path } as const;
  if (iterations !== undefined) return { ...bodies, kept: { iterations, last: must(value, 'an output') } };
  return value === undefined ? bodies : { ...bodies, kept: { list: value, count, outputs } };
}

function buildBlockStarted({ at, path, branch, number, value, keptItems: kept }: EventFields): BlockStarted {
  return {
    type: 'BlockStarted',
    at,
    path,
    ...(branch === undefined ? {} : { branch }),
    ...(value === undefined ? {} : { items: { list: value, count: number, ...(kept === undefined ? {} : { kept }) } }),
  };
}

function buildBodyEnded({ at, path, number, value, until, stepEnd }: EventFields): BodyEnded {
  if (stepEnd === 'COMPLETED') return corrupt('an item that completed says how it ended');
  return {
    type: 'BodyEnded',
    at,
    path,
    number,
    ...(value === undefined ? {} : { output: value }),
    ...(stepEnd === undefined ? {} : { status: stepEnd }),
    ...(until === undefined ? {} : { nextAt: until }),
  };
}

function buildStepStopping({ at, path, until, failure }: EventFields): StepStopping {
  const stopping = { type: 'StepStopping', at, path, graceUntil: must(until, 'a time') } as const;
  return failure === undefined ? stopping : { ...stopping, failure };
}

function buildFailed(fields: EventFields): Omit<StepFailed, 'type'> {
  const status = must(fields.end, 'a status');
  if (status !== 'FAILED' && status !== 'TIMED_OUT') return corrupt(`a step cannot fail with ${status}`);
  return { at: fields.at, path: fields.path, status, failure: must(fields.failure, 'a failure') };
}

function buildRunEnding(fields: EventFields): RunEnding {
  return {
    type: 'RunEnding',
    at: fields.at,
    outcome: must(fields.end, 'an outcome'),
    ...buildEnd(fields),
    cleanupUntil: must(fields.until, 'a time'),
  };
}

function buildRunTryStarted(fields: EventFields): RunTryStarted {
  const { at, until, again = [], continued } = fields;
  return {
    type: 'RunTryStarted',
    at,
    try: fields.try,
    again,
    ...(until === undefined ? {} : { deadlineAt: until }),
    ...(continued === undefined ? {} : { continued }),
  };
}

function buildRunEnded(fields: EventFields): RunEnded {
  const { cleanupFailures, unconsumedSignals } = fields;
  return {
    type: 'RunEnded',
    at: fields.at,
    status: must(fields.end, 'a status'),
    ...buildEnd(fields),
    ...(cleanupFailures === undefined ? {} : { cleanupFailures }),
    ...(unconsumedSignals === undefined ? {} : { unconsumedSignals }),
  };
}

function buildEnd({ value, failure }: EventFields): Pick<RunEnded, 'output' | 'failure'> {
  return { ...(value === undefined ? {} : { output: value }), ...(failure === undefined ? {} : { failure }) };
}

function must<Value>(value: Value | undefined, what: string): Value {
  return value === undefined ? corrupt(`an event lacks ${what}`) : value;
}
