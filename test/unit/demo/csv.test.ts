import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCsv } from '../../../src/demo/csv.ts';

describe('parseCsv', () => {
  test('reads back what was written, with any characters in any field', () => {
    const field = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r\n', ' ', 'é') });
    const row = fc.array(field, { minLength: 2, maxLength: 2 });
    const write = (rows: readonly (readonly string[])[]): string =>
      rows.map((cells) => `${cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')}\n`).join('');
    fc.assert(
      fc.property(row, fc.array(row), (columns, rows) => {
        expect(parseCsv(write([columns, ...rows]))).toEqual({ columns, rows });
      }),
    );
  });

  test.each([
    ['without a last line end', 'a,b\n1,2', [['1', '2']]],
    [
      'with CRLF and empty fields',
      'a,b\r\n,\r\n1,\r\n',
      [
        ['', ''],
        ['1', ''],
      ],
    ],
    ['with only a head', 'a,b\n', []],
  ])('reads a file %s', (_name, text, rows) => {
    expect(parseCsv(text)).toEqual({ columns: ['a', 'b'], rows });
  });

  test('names the line of a quote in the wrong place', () => {
    expect(() => parseCsv('a,b\n1,2\n3,x"4\n')).toThrow('line 3 is malformed');
  });
});
