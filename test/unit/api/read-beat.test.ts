import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBeat } from '../../../src/control-plane/api/convert/read-beat.ts';
import { readFrame } from '../../../src/control-plane/api/convert/read-frame.ts';
import { SessionRequestSchema } from '../../../src/gen/yardmaster/v1/session_request_pb.ts';

const uint32 = fc.nat(2 ** 32 - 1);
const beats = fc.record({ number: uint32, load: fc.double(), loopLagMs: uint32 });

function bytesOf(value: { number: number; load: number; loopLagMs: number }): Uint8Array {
  return toBinary(SessionRequestSchema, create(SessionRequestSchema, { frame: { case: 'beat', value } }));
}

describe('reading beats', () => {
  it('reads every beat as it was sent', () => {
    fc.assert(
      fc.property(beats, (beat) => {
        const load = Number.isFinite(beat.load) ? Math.min(1, Math.max(0, beat.load)) : 0;
        expect(readFrame(bytesOf(beat), () => {})).toEqual({ ...beat, type: 'beat', load });
      }),
    );
  });

  it('reads the usual one by itself', () => {
    expect(readBeat(bytesOf({ number: 70_000, load: 0.5, loopLagMs: 3 }))).toEqual({
      type: 'beat',
      number: 70_000,
      load: 0.5,
      loopLagMs: 3,
    });
  });

  it.each([
    ['no bytes', []],
    ['another frame', [0x22, 0]],
    ['a field of a newer agent', [0x1a, 2, 0x20, 1]],
    ['a length that is wrong', [0x1a, 3, 8, 1]],
    ['a number that does not end', [0x1a, 2, 8, 0x81]],
    ['a load that does not end', [0x1a, 2, 0x11, 0]],
    ['two frames in one', [0x1a, 2, 8, 1, 0x1a, 0]],
  ])('leaves %s to the general reader', (_what, bytes) => {
    expect(readBeat(Uint8Array.from(bytes))).toBeUndefined();
  });
});
