/** Values of secrets in whatever way they come back. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Redactor } from '../../../src/core/redactor.ts';
import { decodeValue, encodeValue } from '../../../src/core/value.ts';

const VALUE = 'p@ss "wörd"/9+x y';

function redactor(values: Readonly<Record<string, string>> = { DB: VALUE }): Redactor {
  const made = new Redactor();
  for (const [name, value] of Object.entries(values)) made.add(name, value);
  return made;
}

describe('a text', () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  test.each([
    ['as it is', `x${VALUE}y`, 'x[secret DB]y'],
    ['twice', `${VALUE}, ${VALUE}`, '[secret DB], [secret DB]'],
    ['as a URL writes it', `/?q=${encodeURIComponent(VALUE)}&r`, '/?q=[secret DB]&r'],
    ['as a form writes it', `a=${new URLSearchParams({ '': VALUE }).toString().slice(1)}`, 'a=[secret DB]'],
    ['with small escapes', encodeURIComponent(VALUE).replaceAll(/%../g, (code) => code.toLowerCase()), '[secret DB]'],
    ['as JSON writes it', JSON.stringify({ a: VALUE }), '{"a":"[secret DB]"}'],
  ])('loses a value %s', (_, text, expected) => {
    expect(redactor().text(text)).toBe(expected);
  });

  test.each(['', 'u', 'us', 'use', 'user:'])('loses a value in base64, behind %j', (before) => {
    for (const after of ['', '!', '!!']) {
      for (const form of ['base64', 'base64url'] as const) {
        const text = Buffer.from(before + VALUE + after).toString(form);
        const clean = redactor().text(text);
        expect(clean).toContain('[secret DB]');
        // What is left beside the label is too short to hold anything of the value but a few bits at its ends.
        expect(clean.replace('[secret DB]', '').length).toBeLessThanOrEqual(text.length - base64(VALUE).length + 6);
      }
    }
  });

  test('loses the beginning of a value where it was cut', () => {
    expect(redactor().text(`failed with ${VALUE.slice(0, 10)}`)).toBe('failed with [secret DB]');
    expect(redactor().text(`failed with ${VALUE.slice(0, 10)}…`)).toBe('failed with [secret DB]…');
    expect(redactor().text(`failed with ${VALUE.slice(0, 7)}`)).toBe(`failed with ${VALUE.slice(0, 7)}`);
  });

  test('keeps a value of less than 8 characters, which would be found where it is not meant', () => {
    expect(redactor({ PIN: '1234567' }).text('at 1234567 ms')).toBe('at 1234567 ms');
    expect(redactor({ PIN: '12345678' }).text('at 12345678 ms')).toBe('at [secret PIN] ms');
  });

  test('loses the longer of two values that begin alike, and older values of a name', () => {
    const both = redactor({ A: 'abcdefgh', B: 'abcdefghijkl' });
    both.add('A', 'newer-value');
    expect(both.text('abcdefghijkl abcdefgh newer-value')).toBe('[secret B] [secret A] [secret A]');
  });
});

describe('a value', () => {
  test('loses it in texts, keys and numbers, at any depth', () => {
    const all = redactor({ DB: VALUE, PIN: '12345678' });
    const value = { a: [{ [`k${VALUE}`]: [`${VALUE}!`, null, true, 5] }], pin: 12_345_678, other: 1 };
    expect(decodeValue(all.bytes(encodeValue(value)))).toEqual({
      a: [{ 'k[secret DB]': ['[secret DB]!', null, true, 5] }],
      pin: '[secret PIN]',
      other: 1,
    });
  });

  test('is the same bytes when nothing is in it', () => {
    const bytes = encodeValue({ a: 'nothing' });
    expect(redactor().bytes(bytes)).toBe(bytes);
  });

  test('whatever it is, no form of the secret is left in its bytes', () => {
    const forms = [VALUE, encodeURIComponent(VALUE), Buffer.from(VALUE).toString('base64').replace(/=*$/, '')];
    const part = fc.oneof(fc.string(), fc.constantFrom(...forms));
    const text = fc.array(part, { maxLength: 5 }).map((parts) => parts.join(''));
    const tree = fc.letrec<{ readonly value: unknown }>((tie) => ({
      value: fc.oneof(
        text,
        fc.integer(),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(text, tie('value'), { maxKeys: 3 }),
      ),
    })).value;
    fc.assert(
      fc.property(tree, (value) => {
        const bytes = Buffer.from(redactor().bytes(encodeValue(value)));
        for (const form of forms) expect(bytes.includes(form)).toBe(false);
      }),
    );
  });
});
