/**
 * A Beat straight from its bytes. With a thousand idle agents nearly every frame is one, and reading it by its descriptor
 * costs more than everything else that is done with it.
 */
import type { BeatFrame } from '../../registry/frames.ts';
import { clampShare } from './share.ts';

/** Field numbers and wire types of SessionRequest.beat and of the fields of Beat. */
const FRAME_BEAT = (3 << 3) | 2;
const NUMBER = (1 << 3) | 0;
const LOAD = (2 << 3) | 1;
const LOOP_LAG_MS = (3 << 3) | 0;
const DOUBLE_BYTES = 8;
/** Varints of up to four bytes are read here: no beat says more in years. */
const VARINT_BITS = 28;

/** Undefined for every other frame, and for a beat that is written in any way but the usual one: `readFrame` reads those. */
export function readBeat(bytes: Uint8Array): BeatFrame | undefined {
  if (bytes[0] !== FRAME_BEAT || bytes[1] !== bytes.length - 2 || bytes.length > 127) return undefined;
  let number = 0;
  let load = 0;
  let loopLagMs = 0;
  let at = 2;
  while (at < bytes.length) {
    const tag = bytes[at];
    at += 1;
    if (tag === LOAD) {
      if (at + DOUBLE_BYTES > bytes.length) return undefined;
      load = new DataView(bytes.buffer, bytes.byteOffset + at, DOUBLE_BYTES).getFloat64(0, true);
      at += DOUBLE_BYTES;
      continue;
    }
    let value = 0;
    let shift = 0;
    let byte = 0x80;
    while (byte >= 0x80 && shift < VARINT_BITS) {
      byte = bytes[at] ?? 0x80;
      value |= (byte & 0x7f) << shift;
      shift += 7;
      at += 1;
    }
    if (byte >= 0x80) return undefined;
    if (tag === NUMBER) number = value;
    else if (tag === LOOP_LAG_MS) loopLagMs = value;
    else return undefined;
  }
  return { type: 'beat', number, load: clampShare(load), loopLagMs };
}
