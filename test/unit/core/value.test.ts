import { describe, expect, it } from 'vitest';
import { decodeValue, encodeValue } from '../../../src/core/value.ts';

describe('a value', () => {
  it('survives wherever its parts fall in the growing buffer', () => {
    for (let length = 0; length < 600; length++) {
      const value = ['x'.repeat(length), null, [], {}, [null], { a: null }];
      expect(decodeValue(encodeValue(value))).toEqual(value);
    }
  });
});
