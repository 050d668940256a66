import { create, fromBinary, fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as opaque from '../../../src/gen/opaque/session_pb.ts';
import { SessionRequestSchema } from '../../../src/gen/yardmaster/v1/session_request_pb.ts';
import { SessionResponseSchema } from '../../../src/gen/yardmaster/v1/session_response_pb.ts';

/** JSON, in the form in which messages are made from it. */
const json = fc.json({ maxDepth: 4 }).map((text): JsonValue => JSON.parse(text));

function encode(value: JsonValue): Uint8Array {
  return toBinary(ValueSchema, fromJson(ValueSchema, value));
}

function createReport(output: JsonValue, details: JsonValue, checkpoint: JsonValue) {
  return fromJson(SessionRequestSchema, {
    report: {
      updates: [{ attemptId: 'a#1', checkpoint: { value: checkpoint } }],
      results: [
        { attemptId: 'b#1', completed: { output: { value: output } } },
        { attemptId: 'c#1', failed: { code: 'DOWN', details, retryable: false } },
      ],
    },
  });
}

function readPayloads(request: opaque.SessionRequest): (Uint8Array | undefined)[] {
  if (request.frame.case !== 'report') return [];
  const { updates, results } = request.frame.value;
  const update = updates[0]?.update;
  const completed = results[0]?.result;
  const failed = results[1]?.result;
  const output = completed?.case === 'completed' ? completed.value.output?.kind : undefined;
  return [
    update?.case === 'checkpoint' ? update.value.value : undefined,
    output?.case === 'value' ? output.value : undefined,
    failed?.case === 'failed' ? failed.value.details : undefined,
  ];
}

describe('the opaque twins of the agent stream', () => {
  test('read a Report, and give each Value as its own bytes', () => {
    fc.assert(
      fc.property(json, json, json, (output, details, checkpoint) => {
        const bytes = toBinary(SessionRequestSchema, createReport(output, details, checkpoint));
        const twin = fromBinary(opaque.SessionRequestSchema, bytes);
        expect(readPayloads(twin)).toEqual([encode(checkpoint), encode(output), encode(details)]);
        expect(toBinary(opaque.SessionRequestSchema, twin)).toEqual(bytes);
      }),
    );
  });

  test('write a Dispatch that the public form reads, and read what it writes', () => {
    fc.assert(
      fc.property(json, json, (input, checkpoint) => {
        const assignment = create(opaque.AssignmentSchema, {
          attemptId: 'a#1',
          number: 1,
          input: { kind: { case: 'value', value: encode(input) } },
          checkpoint: encode(checkpoint),
        });
        const twin = create(opaque.SessionResponseSchema, {
          frame: { case: 'dispatch', value: { assignments: [assignment] } },
        });
        const frame = fromBinary(SessionResponseSchema, toBinary(opaque.SessionResponseSchema, twin));
        const read = frame.frame.case === 'dispatch' ? frame.frame.value.assignments[0] : undefined;
        expect(read?.attemptId).toBe('a#1');
        expect(read?.input?.kind).toEqual({ case: 'value', value: fromJson(ValueSchema, input) });
        expect(read?.checkpoint).toEqual(fromJson(ValueSchema, checkpoint));
        expect(fromBinary(opaque.SessionResponseSchema, toBinary(SessionResponseSchema, frame))).toEqual(twin);
      }),
    );
  });

  test('share what carries no Value with the public form', () => {
    const names = opaque.SessionRequestSchema.fields.map((field) => field.message?.typeName);
    expect(names).toEqual([
      'yardmaster.v1.Hello',
      'yardmaster.v1.State',
      'yardmaster.v1.Beat',
      'yardmaster.opaque.v1.Report',
      'yardmaster.v1.Goodbye',
    ]);
  });
});
