/** Pieces of one stream: a value is found wherever it is cut, and nothing else is touched. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Redactor } from '../../../src/core/redactor.ts';

const KEY = 'k-7f3a9c-kk-canary';

function cutAt(text: string, cuts: readonly number[]): Uint8Array[] {
  const bytes = Buffer.from(text);
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
}

function join(pieces: readonly Uint8Array[]): string {
  return Buffer.concat(pieces).toString();
}

const word = fc.constantFrom(
  KEY,
  KEY.slice(0, 5),
  KEY.slice(4),
  'k',
  'k-',
  '\u00e4 ',
  '\u{1f682}',
  'plain',
  Buffer.from(KEY).toString('base64'),
);

test('however a stream is cut, its pieces together are what the whole would be', () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 8 }), (words, cuts) => {
      const redactor = new Redactor();
      redactor.add('KEY', KEY);
      const whole = words.join('');
      const { pieces } = redactor.pieces(cutAt(whole, cuts));
      expect(pieces).toHaveLength(cuts.length + 1);
      expect(join(pieces)).toBe(redactor.json(whole));
    }),
  );
});

test('pieces that come one by one, each let go of as soon as that may be, are what the whole would be', () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 12 }), (words, cuts) => {
      const redactor = new Redactor();
      redactor.add('KEY', KEY);
      const whole = words.join('');
      const gone: Uint8Array[] = [];
      let held: Uint8Array[] = [];
      for (const piece of cutAt(whole, cuts)) {
        held.push(piece);
        const { pieces, open } = redactor.pieces(held);
        gone.push(...pieces.slice(0, open));
        held = held.slice(open);
      }
      gone.push(...redactor.pieces(held).pieces);
      expect(join(gone)).toBe(redactor.json(whole));
    }),
  );
});

test('nothing is held back that cannot go on as a value', () => {
  const redactor = new Redactor();
  redactor.add('KEY', KEY);
  const pieces = ['no', 'thing', KEY, 'k-7', 'x', 'k-7f3'].map((text) => Buffer.from(text));
  expect(redactor.pieces(pieces).open).toBe(5);
  expect(redactor.pieces(pieces.slice(0, 5)).open).toBe(5);
  expect(redactor.pieces([]).open).toBe(0);
});
