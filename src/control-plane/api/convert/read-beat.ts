/**
 * A Beat straight from its bytes. With a thousand idle agents nearly every frame is one, and reading it by its descriptor
 * costs more than everything else that is done with it.
 */
import type { BeatFrame, BeatHolds } from '../../registry/frames.ts';
import { clampShare } from './share.ts';

/** Field numbers and wire types of SessionRequest.beat and of the fields of Beat. */
const FRAME_BEAT = (3 << 3) | 2;
const NUMBER = (1 << 3) | 0;
const LOAD = (2 << 3) | 1;
const LOOP_LAG_MS = (3 << 3) | 0;
const ACKED = (40 << 3) | 0;
const HELD_COUNT = (41 << 3) | 0;
const HELD_DIGEST = (42 << 3) | 5;
const DOUBLE_BYTES = 8;
const FIXED_BYTES = 4;
/** Varints of up to four bytes are read here: no beat says more in years. */
const VARINT_BITS = 28;

/** Undefined for every other frame, and for a beat that is written in any way but the usual one: `readFrame` reads those. */
export function readBeat(bytes: Uint8Array): BeatFrame | undefined {
  if (bytes[0] !== FRAME_BEAT || bytes[1] !== bytes.length - 2 || bytes.length > 127) return undefined;
  const beat = { number: 0, load: 0, loopLagMs: 0, acked: 0, count: 0, digest: 0 };
  const reader = new Reader(bytes, 2);
  while (!reader.isAtEnd) if (!readField(reader, beat)) return undefined;
  if (reader.isBroken) return undefined;
  const { number, load, loopLagMs, acked, count, digest } = beat;
  return {
    type: 'beat',
    number,
    load: clampShare(load),
    loopLagMs,
    ...holdsOf({ acked, count, digest }),
  };
}

/** Who has heard no ack says nothing that could be compared. */
export function holdsOf({ acked, count, digest }: BeatHolds): Pick<BeatFrame, 'holds'> {
  return acked === 0 ? {} : { holds: { acked, count, digest } };
}

interface Fields {
  number: number;
  load: number;
  loopLagMs: number;
  acked: number;
  count: number;
  digest: number;
}

/** False: not a field that we know. */
function readField(reader: Reader, beat: Fields): boolean {
  switch (reader.varint()) {
    case NUMBER:
      beat.number = reader.varint();
      return true;
    case LOAD:
      beat.load = reader.double();
      return true;
    case LOOP_LAG_MS:
      beat.loopLagMs = reader.varint();
      return true;
    case ACKED:
      beat.acked = reader.varint();
      return true;
    case HELD_COUNT:
      beat.count = reader.varint();
      return true;
    case HELD_DIGEST:
      beat.digest = reader.fixed();
      return true;
    default:
      return false;
  }
}

/** What ends too soon, or is longer than usual, breaks it. */
class Reader {
  isBroken = false;
  private readonly bytes: Uint8Array;
  private at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  get isAtEnd(): boolean {
    return this.isBroken || this.at >= this.bytes.length;
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < VARINT_BITS; shift += 7) {
      const byte = this.bytes[this.at] ?? 0x80;
      this.at += 1;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    this.isBroken = true;
    return 0;
  }

  double(): number {
    return this.view(DOUBLE_BYTES)?.getFloat64(0, true) ?? 0;
  }

  fixed(): number {
    return this.view(FIXED_BYTES)?.getUint32(0, true) ?? 0;
  }

  private view(size: number): DataView | undefined {
    const { bytes, at } = this;
    this.at += size;
    if (this.at <= bytes.length) return new DataView(bytes.buffer, bytes.byteOffset + at, size);
    this.isBroken = true;
    return undefined;
  }
}
