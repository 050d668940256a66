import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeResponse, encodeRequest } from '../../../src/agent-sdk/wire.ts';
import { encodeValue } from '../../../src/core/value.ts';
import {
  SessionRequestSchema,
  type SessionResponse,
  SessionResponseSchema,
} from '../../../src/gen/opaque/session_pb.ts';

const text = fc.oneof(fc.string({ maxLength: 20 }), fc.constant('run/ä#1'));
const number = fc.oneof(fc.constant(0), fc.nat(2 ** 32 - 1));
const value = fc.jsonValue().map((json) => encodeValue(json as never));
const inline = value.map((bytes) => ({ kind: { case: 'value', value: bytes } }) as const);
const blob = fc.record({ blobId: text, size: number }).map((ref) => ({ kind: { case: 'blob', value: ref } }) as const);
const payload = fc.oneof({ weight: 5, arbitrary: inline }, { weight: 1, arbitrary: blob });
const seldom = { freq: 20, nil: undefined };

const assignment = fc.record({
  attemptId: text,
  runId: text,
  workflow: text,
  stepPath: text,
  number,
  tryNumber: number,
  capability: text,
  capabilityVersion: text,
  input: fc.option(payload, { nil: undefined }),
  timeoutMs: number,
  idempotencyKey: text,
  checkpoint: fc.oneof({ weight: 5, arbitrary: fc.constant(new Uint8Array(0)) }, { weight: 1, arbitrary: value }),
  priority: fc.nat(9),
  idempotent: fc.boolean(),
  lossWindowMs: number,
  heartbeatTimeoutMs: number,
  traceparent: fc.constantFrom('', '', '', '00-1-2-01'),
  nextChunk: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: number }),
});
const acks = fc.record({
  beat: number,
  stateRevision: number,
  results: fc.array(fc.record({ attemptId: text, verdict: fc.nat(9) }), { maxLength: 3 }),
  chunks: fc.oneof(
    { weight: 5, arbitrary: fc.constant([]) },
    {
      weight: 1,
      arbitrary: fc.array(fc.record({ attemptId: text, stored: number, verdict: fc.nat(9) }), { maxLength: 2 }),
    },
  ),
});
const stop = fc.record({ attemptId: text, reason: fc.nat(9), graceMs: number });
const dispatch = fc.record({
  assignments: fc.array(assignment, { maxLength: 3 }),
  stops: fc.oneof(
    { weight: 5, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(stop, { maxLength: 2 }) },
  ),
  acks: fc.option(acks, seldom),
});

type Response = NonNullable<Parameters<typeof create<typeof SessionResponseSchema>>[1]>;

function responseBytes(value: unknown): Uint8Array {
  // Drawn as the message is made up.
  const frame = { case: 'dispatch', value } as Response['frame'];
  return toBinary(SessionResponseSchema, create(SessionResponseSchema, { frame } as Response));
}

/** The message, or that there is none. */
function outcomeOf(read: () => SessionResponse): SessionResponse | string {
  try {
    return read();
  } catch {
    return 'malformed';
  }
}

const update = fc.record({
  attemptId: text,
  update: fc.oneof(
    { weight: 5, arbitrary: fc.constant({ case: 'accepted', value: {} } as const) },
    { weight: 1, arbitrary: fc.constant({ case: 'progress', value: { fraction: 0.5, message: 'half' } } as const) },
    {
      weight: 1,
      arbitrary: text.map((piece) => {
        const content = { case: 'text', value: piece } as const;
        return { case: 'chunk', value: { number: 2, channel: 'main', content } } as const;
      }),
    },
    { weight: 1, arbitrary: value.map((bytes) => ({ case: 'checkpoint', value: { value: bytes } }) as const) },
  ),
});
const result = fc.record({
  attemptId: text,
  result: fc.oneof(
    {
      weight: 5,
      arbitrary: fc.option(payload, seldom).map((output) => {
        return { case: 'completed', value: output === undefined ? {} : { output } } as const;
      }),
    },
    { weight: 1, arbitrary: fc.constant({ case: 'failed', value: { code: 'X', message: 'no' } } as const) },
    { weight: 1, arbitrary: fc.constant({ case: 'handedBack', value: { reason: 'full' } } as const) },
  ),
});
const report = fc.record({ updates: fc.array(update, { maxLength: 3 }), results: fc.array(result, { maxLength: 3 }) });

describe('frames and their bytes', () => {
  it('reads every Dispatch as its descriptor does', () => {
    fc.assert(
      fc.property(dispatch, (value) => {
        const bytes = responseBytes(value);
        expect(decodeResponse(bytes)).toEqual(fromBinary(SessionResponseSchema, bytes));
      }),
    );
  });

  it('reads a damaged Dispatch as its descriptor does', () => {
    const damage = fc.record({ at: fc.nat(), byte: fc.nat(255), cut: fc.option(fc.nat()) });
    fc.assert(
      fc.property(dispatch, damage, (value, { at, byte, cut }) => {
        const bytes = responseBytes(value);
        bytes[at % bytes.length] = byte;
        const damaged = cut === null ? bytes : bytes.subarray(0, cut % bytes.length);
        const byDescriptor = outcomeOf(() => fromBinary(SessionResponseSchema, damaged));
        expect(outcomeOf(() => decodeResponse(damaged))).toEqual(byDescriptor);
      }),
      { numRuns: 2_000 },
    );
  });

  it('keeps the unknown fields of a newer control plane, as its descriptor does', () => {
    const bytes = Uint8Array.from([...responseBytes({ assignments: [], stops: [], acks: undefined }), 15 << 3, 1]);
    expect(decodeResponse(bytes)).toEqual(fromBinary(SessionResponseSchema, bytes));
  });

  it('writes every Report as its descriptor does', () => {
    fc.assert(
      fc.property(report, (value) => {
        const request = create(SessionRequestSchema, { frame: { case: 'report', value } });
        expect(encodeRequest(request)).toEqual(toBinary(SessionRequestSchema, request));
      }),
    );
  });

  it('writes the other frames', () => {
    const beat = create(SessionRequestSchema, { frame: { case: 'beat', value: { number: 3, load: 0.5 } } });
    expect(encodeRequest(beat)).toEqual(toBinary(SessionRequestSchema, beat));
  });
});
