import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeAssignment, encodeDispatch } from '../../../src/control-plane/api/convert/write-dispatch.ts';
import type { DispatchFrame, WireAssignment } from '../../../src/control-plane/registry/frames.ts';
import { encodeValue } from '../../../src/core/value.ts';
import { SessionResponseSchema } from '../../../src/gen/opaque/session_pb.ts';
import {
  CapabilityVerdict,
  ChunkVerdict,
  ResultVerdict,
  StopReason,
} from '../../../src/gen/yardmaster/v1/dispatch_pb.ts';
import { Priority } from '../../../src/gen/yardmaster/v1/priority_pb.ts';

const text = fc.string({ maxLength: 40 });
const ms = fc.oneof(fc.constant(0), fc.nat(2 ** 32 - 1));
const priorities = { low: Priority.LOW, normal: Priority.NORMAL, high: Priority.HIGH, critical: Priority.CRITICAL };
const value = fc.jsonValue().map((json) => encodeValue(json as never));
const assignment: fc.Arbitrary<WireAssignment> = fc.record({
  attemptId: text,
  runId: text,
  workflow: text,
  path: text,
  number: ms,
  try: ms,
  capability: text,
  capabilityVersion: text,
  input: fc.oneof(
    value.map((bytes) => ({ kind: 'inline', bytes }) as const),
    fc.record({ blobId: text, size: ms }).map((blob) => ({ kind: 'blob', ...blob }) as const),
  ),
  timeoutMs: ms,
  idempotencyKey: text,
  idempotent: fc.boolean(),
  lossWindowMs: ms,
  heartbeatTimeoutMs: ms,
  checkpoint: fc.option(value, { nil: undefined }),
  priority: fc.constantFrom('low', 'normal', 'high', 'critical'),
  nextChunk: ms,
  metadata: fc.oneof(fc.constant({}), fc.constant({ team: 'yard', depth: [1, { two: null }] })),
});
const frame: fc.Arbitrary<DispatchFrame> = fc.record({
  type: fc.constant('dispatch' as const),
  assignments: fc.array(assignment, { maxLength: 3 }),
  stops: fc.array(
    fc.record({ attemptId: text, reason: fc.constantFrom('CANCELLED' as const, 'LOST' as const), graceMs: ms }),
    { maxLength: 2 },
  ),
  beat: ms,
  results: fc.array(fc.record({ attemptId: text, verdict: fc.constantFrom('ACCEPTED' as const, 'UNKNOWN' as const) }), {
    maxLength: 2,
  }),
  stateRevision: ms,
  chunks: fc.array(
    fc.record({ attemptId: text, stored: ms, verdict: fc.constantFrom('STORED' as const, 'LIMIT' as const) }),
    { maxLength: 2 },
  ),
  capabilities: fc.array(
    fc.oneof(fc.record({ name: text, version: text }), fc.record({ name: text, version: text, reason: text })),
    { maxLength: 2 },
  ),
});

function messageOf({ assignments, stops, beat, results, stateRevision, chunks, capabilities = [] }: DispatchFrame) {
  const hasAnswers = chunks.length > 0 || capabilities.length > 0;
  const hasAcks = beat !== 0 || results.length > 0 || stateRevision !== 0 || hasAnswers;
  return create(SessionResponseSchema, {
    frame: {
      case: 'dispatch',
      value: {
        assignments: assignments.map(({ path, try: tryNumber, priority, input, metadata, checkpoint, ...rest }) => ({
          ...rest,
          stepPath: path,
          tryNumber,
          priority: priorities[priority as keyof typeof priorities],
          input: {
            kind:
              input.kind === 'inline'
                ? ({ case: 'value', value: input.bytes } as const)
                : ({ case: 'blob', value: { blobId: input.blobId, size: input.size } } as const),
          },
          ...(checkpoint === undefined ? {} : { checkpoint }),
          ...(Object.keys(metadata).length === 0 ? {} : { metadata: { team: 'yard', depth: [1, { two: null }] } }),
        })),
        stops: stops.map((stop) => ({ ...stop, reason: StopReason[stop.reason] })),
        ...(hasAcks && {
          acks: {
            beat,
            stateRevision,
            results: results.map(({ attemptId, verdict }) => ({ attemptId, verdict: ResultVerdict[verdict] })),
            chunks: chunks.map((ack) => ({ ...ack, verdict: ChunkVerdict[ack.verdict] })),
            capabilities: capabilities.map(({ name, version, reason }) => ({
              name,
              version,
              verdict: reason === undefined ? CapabilityVerdict.ACCEPTED : CapabilityVerdict.REJECTED,
              reason: reason ?? '',
            })),
          },
        }),
      },
    },
  });
}

describe('writing a Dispatch', () => {
  it('gives the bytes that the descriptor gives', () => {
    fc.assert(
      fc.property(frame, (dispatch) => {
        expect(encodeDispatch(dispatch)).toEqual(toBinary(SessionResponseSchema, messageOf(dispatch)));
      }),
    );
  });

  it('takes assignments that were encoded before', () => {
    fc.assert(
      fc.property(frame, (dispatch) => {
        const assignments = dispatch.assignments.map((one) => ({ ...one, encoded: encodeAssignment(one) }));
        expect(encodeDispatch({ ...dispatch, assignments })).toEqual(encodeDispatch(dispatch));
      }),
    );
  });

  it('rounds times up, and holds them within their field', () => {
    fc.assert(
      fc.property(assignment, (one) => {
        const dispatch = { assignments: [{ ...one, timeoutMs: 0.2, lossWindowMs: 2 ** 40, heartbeatTimeoutMs: -1 }] };
        const bytes = encodeDispatch({
          type: 'dispatch',
          stops: [],
          beat: 0,
          results: [],
          stateRevision: 0,
          chunks: [],
          ...dispatch,
        });
        const { frame: read } = fromBinary(SessionResponseSchema, bytes);
        const sent = read.case === 'dispatch' ? read.value.assignments[0] : undefined;
        expect(sent).toMatchObject({ timeoutMs: 1, lossWindowMs: 2 ** 32 - 1, heartbeatTimeoutMs: 0 });
      }),
    );
  });
});
