import { describe, expect, test } from 'vitest';
import type { ReportedResult, SessionPeer } from '../../../src/control-plane/registry/frames.ts';
import type { Instance } from '../../../src/control-plane/registry/instance.ts';
import { StrayResults } from '../../../src/control-plane/runtime/stray-results.ts';

function rig() {
  const reading: boolean[] = [];
  const peer: SessionPeer = {
    remote: 'test',
    send: () => {},
    encode: () => new Uint8Array(),
    end: () => {},
    setReading: (isReading) => reading.push(isReading),
  };
  // What it holds and who it is do not matter here.
  const instance = { peer } as Instance;
  const begun: string[] = [];
  const answers: (() => void)[] = [];
  const strays = new StrayResults((_, { attemptId }, onDone) => {
    begun.push(attemptId);
    answers.push(onDone);
  });
  return { strays, instance, begun, answers, reading, peer };
}

const result = (number: number): ReportedResult => ({ attemptId: `a#${number}`, result: { kind: 'cancelled' } });

describe('results of attempts that their sender does not hold', () => {
  test('are looked into some at a time, in their order, and answered all', () => {
    const { strays, instance, begun, answers } = rig();
    for (let i = 0; i < 1_000; i++) strays.take(instance, result(i));
    expect(begun).toHaveLength(64);
    for (let i = 0; i < 1_000; i++) answers[i]?.();
    expect(begun).toEqual(Array.from({ length: 1_000 }, (_, i) => `a#${i}`));
  });

  test('keep their stream from being read while many wait, and let it go on when all are under way', () => {
    const { strays, instance, answers, reading } = rig();
    for (let i = 0; i < 64 + 255; i++) strays.take(instance, result(i));
    expect(reading).toEqual([]);
    for (let i = 0; i < 10; i++) strays.take(instance, result(i));
    expect(reading).toEqual([false]);
    for (let i = 0; i < 264; i++) answers[i]?.();
    expect(reading).toEqual([false]);
    answers[264]?.();
    expect(reading).toEqual([false, true]);
  });

  test('that wait when their stream ends are dropped: they are sent again on the next', () => {
    const { strays, instance, begun, answers, peer } = rig();
    for (let i = 0; i < 100; i++) strays.take(instance, result(i));
    instance.peer = undefined;
    answers[0]?.();
    expect(begun).toHaveLength(64);
    instance.peer = { ...peer };
    strays.take(instance, result(100));
    expect(begun).toHaveLength(65);
  });

  test('are answered once, whoever says so twice', () => {
    const { strays, instance, begun, answers } = rig();
    for (let i = 0; i < 66; i++) strays.take(instance, result(i));
    answers[0]?.();
    answers[0]?.();
    expect(begun).toHaveLength(65);
  });
});
