/** Bytes that were good, and are not any more. */
import type { Dice } from '../sim/dice.ts';

export function mutate(good: Buffer, others: readonly Buffer[], dice: Dice): Buffer {
  let bytes: Buffer = Buffer.from(good);
  for (let i = dice.int(1, 3); i > 0; i--) bytes = mutateOnce(bytes, others, dice);
  return bytes;
}

function mutateOnce(bytes: Buffer, others: readonly Buffer[], dice: Dice): Buffer {
  const at = dice.int(0, Math.max(0, bytes.length - 1));
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  return dice.pick<() => Buffer>([
    () => flip(bytes, at, dice.int(0, 7)),
    () => flip(bytes, at, dice.int(0, 7)),
    () => before,
    () => Buffer.concat([before, after.subarray(dice.int(0, after.length))]),
    () => Buffer.concat([before, Buffer.from(dice.random.bytes(dice.int(1, 16))), after]),
    () => Buffer.concat([before, Buffer.alloc(10, 0xff), after]),
    () => Buffer.concat([before, after, after]),
    () => {
      const other = others.length === 0 ? bytes : dice.pick(others);
      return Buffer.concat([before, other.subarray(dice.int(0, other.length))]);
    },
  ])();
}

function flip(bytes: Buffer, at: number, bit: number): Buffer {
  const flipped = Buffer.from(bytes);
  const byte = flipped[at];
  if (byte !== undefined) flipped[at] = byte ^ (1 << bit);
  return flipped;
}
