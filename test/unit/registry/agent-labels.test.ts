import { expect, test } from 'vitest';
import {
  AgentLabels,
  changeLabels,
  labelsOf,
  overriddenLabels,
} from '../../../src/control-plane/registry/agent-labels.ts';
import { NO_STATE } from '../../../src/control-plane/registry/instance.ts';

const instance = (claimed: Record<string, string>, operatorLabels: Record<string, string>) => ({
  state: { ...NO_STATE, labels: claimed },
  operatorLabels,
});

test('what an operator says wins, and what only the instance claims holds beside it', () => {
  const both = instance({ region: 'eu', disk: 'ssd', os: 'linux' }, { region: 'us', os: 'linux', gpu: 'none' });
  expect(labelsOf(both)).toEqual({ region: 'us', disk: 'ssd', os: 'linux', gpu: 'none' });
  expect(overriddenLabels(both)).toEqual({ region: 'eu' });
});

test('without labels of operators the very labels of the State hold', () => {
  const alone = instance({ region: 'eu' }, {});
  expect(labelsOf(alone)).toBe(alone.state.labels);
  expect(overriddenLabels(alone)).toEqual({});
});

test('a key of every object is a label like another', () => {
  const odd = JSON.parse('{"__proto__": "a"}');
  expect(Object.entries(labelsOf(instance({ constructor: 'b' }, odd)))).toEqual([
    ['constructor', 'b'],
    ['__proto__', 'a'],
  ]);
  expect(overriddenLabels(instance({ constructor: 'b' }, { k: 'v' }))).toEqual({});
  expect(changeLabels({}, { labels: odd, removed: [] })).toEqual(odd);
  expect(changeLabels(odd, { labels: {}, removed: ['__proto__'] })).toEqual({});
});

test('a change sets and takes away, and is none when it was so before', () => {
  const before = { a: '1', b: '2' };
  expect(changeLabels(before, { labels: { b: '3', c: '4' }, removed: ['a'] })).toEqual({ b: '3', c: '4' });
  expect(changeLabels(before, { labels: { b: '2' }, removed: ['z'] })).toBeUndefined();
  expect(changeLabels(before, { labels: {}, removed: ['a', 'b'] })).toEqual({});
});

test('labels are of an agent in its namespace', () => {
  const labels = new AgentLabels();
  labels.put({ namespace: 'default', agentId: 'a' }, { k: 'v' });
  expect(labels.of({ namespace: 'default', agentId: 'a' })).toEqual({ k: 'v' });
  expect(labels.of({ namespace: 'other', agentId: 'a' })).toEqual({});
  labels.put({ namespace: 'default', agentId: 'a' }, {});
  expect(labels.of({ namespace: 'default', agentId: 'a' })).toEqual({});
});
