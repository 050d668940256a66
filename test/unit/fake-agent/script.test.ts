import { expect, test } from 'vitest';
import { YardmasterError } from '../../../src/core/errors.ts';
import { readScript } from '../../../src/fake-agent/index.ts';

test('a script is read with its defaults', () => {
  const script = readScript(
    'capabilities:\n  extract:\n  load:\n    answers:\n      - { after: 200ms, reply: [1] }\n',
    'a.yaml',
  );
  expect(script).toEqual({
    id: 'fake',
    slots: 8,
    capabilities: { extract: { answers: [] }, load: { answers: [{ after: 200, reply: [1] }] } },
  });
});

test('every problem of a script is told at once, with its place', () => {
  const text =
    'slots: 0\ncapabilities:\n  extract:\n    answers:\n      - { after: soon, reply: 1, silent: true }\n      - { fial: x }\n';
  let problems: readonly { readonly message: string }[] = [];
  try {
    readScript(text, 'a.yaml');
  } catch (error) {
    if (error instanceof YardmasterError) problems = error.problems;
  }
  const told = problems.map(({ message }) => message).join('\n');
  expect(told).toContain('slots: ');
  expect(told).toContain('capabilities.extract.answers.0.after: "soon" is not like 500ms, 30s, 5m or 1h');
  expect(told).toContain('capabilities.extract.answers.1: ');
});

test('an answer has one end', () => {
  expect(() => readScript('capabilities: { a: { answers: [{ reply: 1, silent: true }] } }', 'a.yaml')).toThrow(
    'more than one of reply, fail, handBack, silent and crash',
  );
});
