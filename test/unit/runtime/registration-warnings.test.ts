import { expect, test } from 'vitest';
import { registrationWarnings } from '../../../src/control-plane/runtime/registration-warnings.ts';
import { flow, parallel, step } from '../engine/flow.ts';

const offered = [
  { name: 'charge', idempotent: false },
  { name: 'read', idempotent: true },
];

function warningsOf(...steps: Parameters<typeof flow>[0]): readonly string[] {
  return registrationWarnings(flow(steps).definition, offered).map(
    ({ code, message, place }) => `${code} ${place?.pointer ?? ''} ${message}`,
  );
}

test('retries of a capability that may not run twice are told with their place', () => {
  const again = { action: 'charge', retries: 2 };
  expect(warningsOf(parallel('pay', [step('a', again), step('b', { action: 'read', retries: 2 })]))).toEqual([
    'retry-not-idempotent steps[0].steps[0].action "a" is tried again, but "charge" is not idempotent',
  ]);
  expect(warningsOf(step('a', { action: 'charge' }))).toEqual([]);
  expect(warningsOf(step('a', { ...again, idempotent: true }))).toEqual([]);
});

test('an action that nobody offers is told once, with the nearest', () => {
  expect(warningsOf(step('a', { action: 'raed' }), step('b', { action: 'raed', retries: 1 }))).toEqual([
    'UNKNOWN_CAPABILITY  no agent offers "raed" now; did you mean "read"?',
  ]);
});
