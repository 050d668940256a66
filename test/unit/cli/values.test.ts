import { expect, test } from 'vitest';
import { plainStyle } from '../../../src/cli/render/style.ts';
import { renderValues } from '../../../src/cli/render/values.ts';
import type { PayloadView } from '../../../src/client/index.ts';
import type { JsonValue } from '../../../src/core/json.ts';
import { run, START, step } from './fixtures.ts';

const options = { nowMs: START, style: plainStyle, columns: 40, wide: false };
const value = (given: JsonValue): PayloadView => ({ kind: 'value', value: given });

test('a line for each value that is there, in the order of the run; large ones by their size', () => {
  const steps = [
    step('load', { input: value({ rows: 3 }), output: { kind: 'blob', blobId: 'out', size: 1_234_567 } }),
    step('wait', { output: value(null) }),
    step('skipped'),
  ];
  expect(renderValues(run({ steps, parameters: value({ day: '1' }), output: value('ok') }), options)).toBe(
    [
      'parameters  {"day":"1"}',
      'load in     {"rows":3}',
      'load out    1,234,567 bytes',
      'wait out    null',
      'output      "ok"',
    ].join('\n'),
  );
  expect(renderValues(run({ steps: [] }), options)).toBe('');
});

test('a long value is cut to the screen, and whole with -o wide; control characters of it never reach the terminal', () => {
  const steps = [step('say', { output: value(`\u001b[31m${'x'.repeat(100)}\u0085`) })];
  expect(renderValues(run({ steps }), options)).toBe(`say out  "\\u001b[31m${'x'.repeat(17)}...`);
  const whole = renderValues(run({ steps }), { ...options, wide: true });
  expect(whole).toContain('x'.repeat(100));
  expect(whole).not.toContain('\u0085');
});
