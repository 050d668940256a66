import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classKeyOf, parseClassKey } from '../../../src/control-plane/scheduler/class-key.ts';
import { orderKeyOf } from '../../../src/control-plane/scheduler/order-key.ts';
import { classOf } from './yard.ts';

const classes = fc.record({
  namespace: fc.string(),
  capability: fc.string(),
  versionRange: fc.string(),
  agentId: fc.string(),
  labels: fc.dictionary(fc.oneof(fc.string(), fc.constant('__proto__')), fc.string(), { noNullPrototype: true }),
});

describe('the key of a class', () => {
  it('is read back as the same class', () => {
    fc.assert(
      fc.property(classes, (each) => {
        const read = parseClassKey(classKeyOf(each));
        expect({ ...read, labels: undefined }).toEqual({ ...each, labels: undefined });
        expect(Object.entries(read?.labels ?? {}).sort()).toEqual(Object.entries(each.labels).sort());
      }),
    );
  });

  it('does not depend on the order of labels', () => {
    const [one, other] = [classOf({ labels: { a: '1', b: '2' } }), classOf({ labels: { b: '2', a: '1' } })];
    expect(classKeyOf(one)).toBe(classKeyOf(other));
  });

  it.each(['', 'x', '{}', '[]', '["a","b","c"]', '["a","b","c","d","e"]', '[1,2,3,4]'])('is not %j', (text) => {
    expect(parseClassKey(text)).toBeUndefined();
  });
});

describe('the order key', () => {
  it('moves a step in time by its priority', () => {
    const keys = (['critical', 'high', 'normal', 'low'] as const).map((priority) => orderKeyOf(priority, 600_000));
    expect(keys).toEqual([0, 540_000, 600_000, 660_000]);
  });
});
