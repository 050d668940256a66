import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readFrame } from '../../../src/control-plane/api/convert/read-frame.ts';
import { readReport } from '../../../src/control-plane/api/convert/read-report.ts';
import { encodeValue } from '../../../src/core/value.ts';
import { SessionRequestSchema } from '../../../src/gen/opaque/session_pb.ts';

type Message = Parameters<typeof create<typeof SessionRequestSchema>>[1];

const attemptId = fc.oneof(fc.constantFrom('run/step#1', '', 'ä'), fc.string({ maxLength: 20 }));
const value = fc.oneof(
  fc.jsonValue().map((json) => encodeValue(json as never)),
  fc.constant(new Uint8Array(0)),
  fc.uint8Array({ maxLength: 8 }),
);
const update = fc.record({
  attemptId,
  update: fc.oneof(
    { weight: 5, arbitrary: fc.constant({ case: 'accepted', value: {} } as const) },
    { weight: 1, arbitrary: fc.constant({ case: 'progress', value: { fraction: 0.5, message: 'half' } } as const) },
  ),
});
const result = fc.record({
  attemptId,
  result: fc.oneof(
    {
      weight: 5,
      arbitrary: value.map((bytes) => {
        return { case: 'completed', value: { output: { kind: { case: 'value', value: bytes } } } } as const;
      }),
    },
    { weight: 1, arbitrary: fc.constant({ case: 'completed', value: {} } as const) },
    { weight: 1, arbitrary: fc.constant({ case: 'cancelled', value: {} } as const) },
    { weight: 1, arbitrary: fc.constant({ case: 'failed', value: { code: 'X', message: 'no' } } as const) },
  ),
});
const report = fc.record({ updates: fc.array(update, { maxLength: 4 }), results: fc.array(result, { maxLength: 4 }) });

function bytesOf(message: Message): Uint8Array {
  return toBinary(SessionRequestSchema, create(SessionRequestSchema, message));
}

/** An unknown field of a newer agent changes nothing, but leaves the frame to the general reader. */
function readByDescriptor(bytes: Uint8Array): unknown {
  return outcomeOf(Uint8Array.from([...bytes, 15 << 3, 1]));
}

function outcomeOf(bytes: Uint8Array): unknown {
  try {
    return readFrame(bytes, () => {});
  } catch (error) {
    return error;
  }
}

describe('reading reports', () => {
  it('reads every report as the descriptor does, and says the same of what is wrong with it', () => {
    fc.assert(
      fc.property(report, (value) => {
        const bytes = bytesOf({ frame: { case: 'report', value } });
        expect(outcomeOf(bytes)).toEqual(readByDescriptor(bytes));
      }),
    );
  });

  it('reads damaged reports as the descriptor does, or leaves them to it', () => {
    const damage = fc.record({ at: fc.nat(), byte: fc.nat(255), cut: fc.option(fc.nat()) });
    fc.assert(
      fc.property(report, damage, (value, { at, byte, cut }) => {
        const bytes = bytesOf({ frame: { case: 'report', value } });
        bytes[at % bytes.length] = byte;
        const damaged = cut === null ? bytes : bytes.subarray(0, cut % bytes.length);
        const usual = readReport(damaged);
        if (usual !== undefined) expect(usual).toEqual(readByDescriptor(damaged));
      }),
      { numRuns: 1_000 },
    );
  });

  it('reads the usual one by itself', () => {
    const output = { kind: { case: 'value', value: encodeValue({ ok: true }) } } as const;
    const value = {
      updates: [{ attemptId: 'r/s#1', update: { case: 'accepted', value: {} } as const }],
      results: [{ attemptId: 'r/s#1', result: { case: 'completed', value: { output } } as const }],
    };
    expect(readReport(bytesOf({ frame: { case: 'report', value } }))).toEqual({
      type: 'report',
      updates: [{ type: 'accepted', attemptId: 'r/s#1' }],
      results: [
        {
          attemptId: 'r/s#1',
          result: { kind: 'completed', output: { kind: 'inline', bytes: encodeValue({ ok: true }) } },
        },
      ],
    });
  });

  it('keeps no frame for the sake of an output', () => {
    const output = { kind: { case: 'value', value: encodeValue('x') } } as const;
    const value = { results: [{ attemptId: 'a', result: { case: 'completed', value: { output } } as const }] };
    const bytes = bytesOf({ frame: { case: 'report', value } });
    const read = readReport(bytes)?.results[0]?.result;
    expect(read?.kind === 'completed' && read.output.kind === 'inline' && read.output.bytes.buffer).not.toBe(
      bytes.buffer,
    );
  });
});
