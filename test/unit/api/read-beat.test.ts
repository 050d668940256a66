import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBeat } from '../../../src/control-plane/api/convert/read-beat.ts';
import { readFrame } from '../../../src/control-plane/api/convert/read-frame.ts';
import { type BeatSchema, SessionRequestSchema } from '../../../src/gen/yardmaster/v1/session_request_pb.ts';

const uint32 = fc.nat(2 ** 32 - 1);
const beats = fc.record({ number: uint32, load: fc.double(), loopLagMs: uint32 });
const holdings = fc.record({ acked: uint32, heldCount: uint32, heldDigest: uint32 });

function bytesOf(value: MessageInitShape<typeof BeatSchema>): Uint8Array {
  return toBinary(SessionRequestSchema, create(SessionRequestSchema, { frame: { case: 'beat', value } }));
}

describe('reading beats', () => {
  it('reads every beat as it was sent', () => {
    fc.assert(
      fc.property(beats, holdings, (beat, { acked, heldCount, heldDigest }) => {
        const load = Number.isFinite(beat.load) ? Math.min(1, Math.max(0, beat.load)) : 0;
        const holds = acked === 0 ? {} : { holds: { acked, count: heldCount, digest: heldDigest } };
        const bytes = bytesOf({ ...beat, acked, heldCount, heldDigest });
        expect(readFrame(bytes, () => {})).toEqual({ ...beat, ...holds, type: 'beat', load });
      }),
    );
  });

  it('reads what is held by itself, too', () => {
    expect(readBeat(bytesOf({ number: 7, acked: 6, heldCount: 20_000, heldDigest: 0xffff_fffe }))).toEqual({
      type: 'beat',
      number: 7,
      load: 0,
      loopLagMs: 0,
      holds: { acked: 6, count: 20_000, digest: 0xffff_fffe },
    });
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
    ['a digest that does not end', [0x1a, 3, 0xd5, 0x02, 0]],
    ['two frames in one', [0x1a, 2, 8, 1, 0x1a, 0]],
  ])('leaves %s to the general reader', (_what, bytes) => {
    expect(readBeat(Uint8Array.from(bytes))).toBeUndefined();
  });
});
