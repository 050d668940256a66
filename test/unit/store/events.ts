/** Arbitrary events of every type. A field that is added to an event and not here does not compile. */
import fc from 'fast-check';
import type { Failure, RunEvent, SkipReason } from '../../../src/control-plane/engine/events.ts';
import type { AttemptOutcome, RunOutcome } from '../../../src/control-plane/engine/status.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import type { StoredValue } from '../../../src/core/stored-value.ts';
import { encodeValue } from '../../../src/core/value.ts';

type EventOf<Type extends RunEvent['type']> = Extract<RunEvent, { type: Type }>;
type Fields<Of> = { readonly [Key in keyof Required<Omit<Of, 'type' | 'at'>>]: fc.Arbitrary<Of[Key & keyof Of]> };

/** The absent member, which is not the same as undefined. */
const ABSENT = Symbol('absent');

function optional<Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value> {
  return fc.option(arbitrary, { nil: ABSENT as Value });
}

function record<Of>(fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Of> {
  return fc
    .record(fields)
    .map((members) => Object.fromEntries(Object.entries(members).filter(([, value]) => value !== ABSENT)) as Of);
}

const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const path = fc.oneof(fc.constantFrom('extract', 'fan/17/clean', '', 'x'.repeat(200)), text);
const number = fc.nat(100_000);
const at = fc.oneof(fc.integer({ min: 0, max: 2 ** 45 }), fc.integer({ min: 1.7e12, max: 1.7e12 + 1000 }));
const outcome = fc.constantFrom<AttemptOutcome>(
  'COMPLETED',
  'FAILED',
  'TIMED_OUT',
  'CANCELLED',
  'REJECTED',
  'HANDED_BACK',
  'NOT_ACCEPTED',
  'LOST',
  'SUPERSEDED',
);
const end = fc.constantFrom<RunOutcome>('COMPLETED', 'FAILED', 'CANCELLED', 'TIMED_OUT');
const details = fc
  .dictionary(text, fc.jsonValue({ maxDepth: 2 }))
  // JSON has no -0; protobuf has.
  .map((value) => JSON.parse(JSON.stringify(value)) as JsonObject);
const value: fc.Arbitrary<StoredValue> = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }).map((json): StoredValue => ({ kind: 'inline', bytes: encodeValue(json) })),
  fc.constant<StoredValue>({ kind: 'inline', bytes: new Uint8Array(0) }),
  fc.record({ kind: fc.constant('blob' as const), blobId: text, size: fc.nat() }, { noNullPrototype: true }),
);

const failureFields: { readonly [Key in keyof Required<Failure>]: fc.Arbitrary<Failure[Key]> } = {
  code: text,
  message: fc.string({ unit: 'grapheme', maxLength: 300 }),
  details: optional(details),
  path: optional(path),
  attempt: optional(number),
  agentId: optional(text),
  instanceId: optional(text),
};
const failure = record<Failure>(failureFields);
const skipReason = fc.constantFrom<SkipReason>('WHEN', 'RUN_ON', 'DEPENDENCY', 'RUN_ENDING', 'BLOCK_STOPPED', 'BRANCH');
const attempt = { path, number };

const fields: { readonly [Type in RunEvent['type']]: Fields<EventOf<Type>> } = {
  RunCreated: {
    runId: text,
    namespace: text,
    workflow: text,
    version: number,
    params: value,
    priority: fc.constantFrom('critical', 'high', 'normal', 'low'),
    requestId: optional(text),
    labels: optional(fc.dictionary(fc.oneof(text, fc.constant('__proto__')), text, { noNullPrototype: true })),
    retryOf: optional(text),
    rerunOf: optional(text),
    parent: optional(fc.record({ runId: text, path, depth: number }, { noNullPrototype: true })),
  },
  RunTryScheduled: { dueAt: at },
  RunTryDropped: { cleanupUntil: at },
  RunTryStarted: {
    try: number,
    deadlineAt: optional(at),
    again: fc.array(path, { maxLength: 5 }),
    continued: optional(fc.array(path, { minLength: 1, maxLength: 3 })),
  },
  StepTakenOver: {
    ...attempt,
    status: fc.constantFrom('COMPLETED', 'FAILED', 'TIMED_OUT', 'CANCELLED', 'SKIPPED'),
    output: optional(value),
    failure: optional(failure),
    reason: optional(skipReason),
    because: optional(path),
    branch: optional(number),
    // Without an agent it is absent.
    agentId: optional(text.filter((agentId) => agentId !== '')),
  },
  BodiesTakenOver: {
    path,
    kept: optional(
      fc.oneof(
        fc.record({ iterations: number, last: value }, { noNullPrototype: true }),
        fc.record(
          {
            list: value,
            count: number,
            outputs: fc.array(fc.record({ number, output: value }, { noNullPrototype: true }), { maxLength: 3 }),
          },
          { noNullPrototype: true },
        ),
      ),
    ),
  },
  RunStarted: { deadlineAt: optional(at) },
  BlockStarted: {
    path,
    branch: optional(number),
    items: optional(
      fc.oneof(
        fc.record({ list: value, count: number }, { noNullPrototype: true }),
        fc.record({ list: value, count: number, kept: number }, { noNullPrototype: true }),
      ),
    ),
  },
  BodyStarted: { path, number },
  BodyEnded: {
    path,
    number,
    output: optional(value),
    status: optional(fc.constantFrom('FAILED', 'TIMED_OUT', 'CANCELLED', 'SKIPPED')),
    nextAt: optional(at),
  },
  StepReady: {
    path,
    input: value,
    key: optional(text),
    secrets: optional(
      fc.array(fc.record({ pointer: text, offset: number, name: text }, { noNullPrototype: true }), { minLength: 1 }),
    ),
  },
  StepWaiting: { path, dueAt: optional(at), title: optional(text), input: optional(value) },
  ChildStarted: { path, runId: text, version: number },
  SignalReceived: { name: text, number, payload: value, actor: optional(text), requestId: text },
  SignalTaken: attempt,
  StepQueued: { path },
  AttemptStarted: {
    ...attempt,
    try: number,
    agentId: text,
    instanceId: text,
    idempotent: fc.boolean(),
    deadlineAt: optional(at),
    resumed: optional(fc.boolean()),
  },
  AttemptUnreachable: attempt,
  AttemptReturned: attempt,
  AttemptEnded: {
    ...attempt,
    outcome,
    failure: optional(failure),
    countsAsTry: optional(fc.boolean()),
    unconfirmed: optional(fc.boolean()),
    usage: optional(
      fc.dictionary(fc.string({ minLength: 1 }), fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }), {
        minKeys: 1,
        maxKeys: 3,
        noNullPrototype: true,
      }),
    ),
  },
  StopConfirmed: attempt,
  RetryScheduled: { path, dueAt: at, backoffUntil: at },
  StepStopping: { path, graceUntil: at, failure: optional(failure) },
  StepCompleted: { path, output: optional(value) },
  StepFellBack: { path, status: fc.constantFrom('FAILED', 'TIMED_OUT'), failure },
  StepFailed: { path, status: fc.constantFrom('FAILED', 'TIMED_OUT'), failure },
  StepSkipped: {
    path,
    reason: skipReason,
    because: optional(path),
  },
  StepCancelled: { path },
  LateResult: { ...attempt, outcome },
  CancelRequested: { reason: text },
  RunPaused: { reason: text },
  RunResumed: {},
  RunEnding: { outcome: end, failure: optional(failure), output: optional(value), cleanupUntil: at },
  RunEnded: {
    status: end,
    output: optional(value),
    failure: optional(failure),
    cleanupFailures: optional(fc.array(failure, { maxLength: 3 })),
    unconsumedSignals: optional(number),
  },
};

export const eventTypes = Object.keys(fields) as RunEvent['type'][];

export function eventOf(type: RunEvent['type']): fc.Arbitrary<RunEvent> {
  return record<RunEvent>({ type: fc.constant(type), at, ...fields[type] });
}

/** A row: one or more events of any type. */
export const someEvents = fc.array(fc.oneof(...eventTypes.map(eventOf)), { minLength: 1, maxLength: 8 });
