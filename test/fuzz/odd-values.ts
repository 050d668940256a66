/** Values that programs trip over, kind by kind. */
import type { Dice } from '../sim/dice.ts';

const TEXTS: readonly string[] = [
  '',
  ' ',
  '\u0000',
  '__proto__',
  'constructor',
  '1234',
  '-0',
  '../../etc/passwd',
  '\u202Eevil',
  '👩‍👩‍👧‍👦',
  '\uFEFF',
  '${{ steps.a.output }}',
  'secret:NAME',
  'a/b#1',
  '#',
  '/#1',
  '>=1.0.0 <0.0.0',
];

/** UTF-8 that is none: a lone continuation, an overlong slash, a surrogate, a cut sequence. */
const BAD_UTF8: readonly (readonly number[])[] = [
  [0x80],
  [0xc0, 0xaf],
  [0xed, 0xa0, 0x80],
  [0xf0, 0x9f, 0x91],
  [0xff, 0xfe],
];

/** `known`: names that mean something to the other side. */
export function oddText(dice: Dice, known: readonly string[]): Buffer {
  const roll = dice.int(0, 9);
  if (roll < 6 && known.length > 0) return Buffer.from(dice.pick(known));
  if (roll < 8) return Buffer.from(dice.pick(TEXTS));
  if (roll === 8) return Buffer.from(dice.pick(BAD_UTF8));
  return Buffer.alloc(dice.pick([127, 128, 129, 2_048, 2_049, 5_000, 70_000]), dice.pick(['x', '/', '#', '\u{e9}']));
}

export function oddInteger(dice: Dice): bigint {
  const all = [
    0n,
    1n,
    2n,
    3n,
    127n,
    128n,
    10_000n,
    10_001n,
    2n ** 31n - 1n,
    2n ** 31n,
    2n ** 32n - 1n,
    2n ** 32n,
    2n ** 53n,
    2n ** 63n,
    2n ** 64n - 1n,
  ];
  return dice.pick(all);
}

export function oddDouble(dice: Dice): number {
  return dice.pick([
    0,
    -0,
    0.5,
    1,
    -1,
    1.0000001,
    1e308,
    5e-324,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ]);
}
