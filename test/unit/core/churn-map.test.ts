import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ChurnMap } from '../../../src/core/churn-map.ts';

const key = fc.constantFrom('a', 'b', 'run/step#1', '__proto__', 'constructor', 'toString', '', '10', '9');
const change = fc.record({ key, value: fc.option(fc.integer(), { nil: undefined }) });

test('a churn map does what a Map does, whatever the keys are called, with indices first', () => {
  fc.assert(
    fc.property(fc.array(change), (changes) => {
      const map = new ChurnMap<number>();
      const model = new Map<string, number>();
      for (const { key, value } of changes) {
        if (value === undefined) expect(map.delete(key)).toBe(model.delete(key));
        else {
          map.set(key, value);
          model.set(key, value);
        }
        expect(map.get(key)).toBe(model.get(key));
        expect(map.has(key)).toBe(model.has(key));
        expect(map.size).toBe(model.size);
      }
      const named = [...model].filter(([name]) => !/^\d+$/.test(name));
      const numbered = [...model].filter(([name]) => /^\d+$/.test(name)).sort(([a], [b]) => Number(a) - Number(b));
      const expected = [...numbered, ...named];
      expect(map.keys()).toEqual(expected.map(([name]) => name));
      expect(map.values()).toEqual(expected.map(([, value]) => value));
    }),
  );
});
