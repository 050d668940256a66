import { satisfies } from 'semver';
import { expect, it } from 'vitest';
import { compatibleRange } from '../../../src/agent-sdk/compatible-range.ts';

it.each([
  ['1.4.2', '^1', ['1.0.0', '1.9.0'], ['2.0.0', '0.9.0']],
  ['12.0.0+build.7', '^12', ['12.0.0'], ['1.2.0', '13.0.0']],
  ['0.4.2', '^0.4', ['0.4.0', '0.4.9'], ['0.5.0', '1.0.0']],
  ['0.0.3', '^0.0.3', ['0.0.3'], ['0.0.4', '0.0.2']],
  ['2.0.0-beta.2', '^2.0.0-beta.2', ['2.0.0-beta.3', '2.1.0'], ['2.0.0-beta.1', '1.0.0']],
])('a constant of %s asks for %s', (version, range, within, outside) => {
  expect(compatibleRange(version)).toBe(range);
  expect(within.map((other) => satisfies(other, range))).not.toContain(false);
  expect(outside.map((other) => satisfies(other, range))).not.toContain(true);
});

it('a constant without a version asks for any', () => {
  expect(compatibleRange('')).toBe('');
});
