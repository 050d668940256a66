/** `wait` and `signal` as they are written: what is read, what is refused, and that the proto form says the same. */
import { describe, expect, test } from 'vitest';
import { toWireWorkflow } from '../../../src/client/convert/definition.ts';
import { Faults } from '../../../src/control-plane/api/convert/faults.ts';
import { readDefinition } from '../../../src/control-plane/api/convert/workflow.ts';
import { checkWorkflow } from '../../../src/workflow/check.ts';
import { lintWorkflow } from '../../../src/workflow/lint.ts';
import { inspectWorkflowValue, readWorkflowValue } from '../../../src/workflow/read.ts';

const wait = (more: object) => ({ id: 'w', type: 'wait', ...more });
const signal = (more: object) => ({ id: 's', type: 'signal', signal: 'go', ...more });

/** `CODE message at the place` of every error. */
function errors(...steps: readonly object[]): readonly string[] {
  const { errors: problems } = inspectWorkflowValue({ name: 'Test', steps });
  return problems.map(({ code, message, place }) => `${code} ${message} at ${place?.pointer}`);
}

describe('a wait', () => {
  test('is so many milliseconds, an expression, or a time', () => {
    const steps = [
      wait({ for: '5m' }),
      wait({ id: 'x', for: '${{ params.ms }}' }),
      wait({ id: 'y', until: 'params.at' }),
    ];
    expect(readWorkflowValue({ name: 'Test', steps }).definition.steps).toEqual([
      { id: 'w', type: 'wait', dependencies: [], forMs: 300_000 },
      { id: 'x', type: 'wait', dependencies: ['w'], for: '${{ params.ms }}' },
      { id: 'y', type: 'wait', dependencies: ['x'], until: 'params.at' },
    ]);
  });

  test('has one end, which can be read', () => {
    expect(errors(wait({}))).toEqual(['MISSING_FIELD step "w" does not say how long it waits at steps[0]']);
    expect(errors(wait({ for: '5m', until: 'now' }))).toEqual([
      'BAD_FIELD step "w" has both "for" and "until"; a wait has one end at steps[0].until',
    ]);
    expect(errors(wait({ for: '5 weeks' }))).toEqual([
      'BAD_FIELD step "w": "for" must be a duration: milliseconds, text such as 500ms, 30s, 5m, 1h, 2d, or an expression in ${{ }} at steps[0].for',
    ]);
    for (const until of ['2026-12-01', '2026-12-01T09:00:00', '2026-02-30T09:00:00Z']) {
      expect(errors(wait({ until }))).toEqual([
        'BAD_FIELD step "w": "until" must be a time with its offset such as 2026-12-01T09:00:00Z, or CEL at steps[0].until',
      ]);
    }
    expect(errors(wait({ until: 'steps.x.output' }))[0]).toMatch(/^UNKNOWN_STEP .* at steps\[0\]\.until$/);
    expect(errors(wait({ until: '2026-12-01T${{ steps.x.output }}:00:00Z' }))[0]).toMatch(/^UNKNOWN_STEP/);
  });

  test('without its type is told which type is missing', () => {
    expect(errors({ id: 'a', for: '5m' })).toEqual(['MISSING_FIELD step "a" has "for" but no "type" at steps[0]']);
    expect(errors({ id: 'a', signal: 'go' })).toEqual([
      'MISSING_FIELD step "a" has "signal" but no "type" at steps[0]',
    ]);
  });
});

describe('a signal', () => {
  test('without a timeout has no default, and answerers are names', () => {
    expect(errors(signal({ default: 1, answerers: ['ann', ' ', 'anonymous'] }))).toEqual([
      'BAD_FIELD step "s" has a "default" but no "timeout", so that it never counts at steps[0].default',
      'BAD_FIELD step "s": " " is not the name of an actor: 1 to 128 of printable ASCII at steps[0].answerers[1]',
      'BAD_FIELD step "s": "anonymous" is not the name of an actor: 1 to 128 of printable ASCII at steps[0].answerers[2]',
    ]);
    expect(errors(signal({ signal: 'no spaces' }))[0]).toMatch(/^BAD_NAME/);
    expect(
      errors(signal({ title: '${{ steps.x.output }}', timeout: 1, default: ['${{ 1 + }}'] })).map(
        (text) => text.split(' ')[0],
      ),
    ).toEqual(['UNKNOWN_STEP', 'BAD_EXPRESSION']);
  });

  test('has the same answerers wherever it is waited for', () => {
    expect(errors(signal({ answerers: ['ann', 'ben'] }), signal({ id: 't', answerers: ['ben', 'ann'] }))).toEqual([]);
    expect(errors(signal({ answerers: ['ann'] }), signal({ id: 't' }))).toEqual([
      'BAD_FIELD step "t" waits for signal "go" as "s" does, but from other answerers at steps[1].answerers',
    ]);
  });

  test('that may wait for ever is a warning, unless the run has a timeout', () => {
    const read = (more: object) =>
      readWorkflowValue({ name: 'Release', description: 'd', steps: [signal({ id: 'approve' })], ...more }).definition;
    expect(lintWorkflow(read({})).map(({ code, message }) => `${code}: ${message}`)).toEqual([
      'no-timeout: "approve" may wait for ever',
    ]);
    expect(lintWorkflow(read({ timeout: '7d' }))).toEqual([]);
  });
});

test('the proto form says the same, as the client writes it', () => {
  const steps = [
    wait({ for: 0, onFailure: 'continue', output: 'result' }),
    wait({ id: 'x', for: '${{ params.ms }}', totalTimeout: '1h' }),
    wait({ id: 'y', until: '2026-12-01T09:00:00Z' }),
    signal({}),
    signal({
      id: 't',
      signal: 'ask',
      title: 'Go ${{ params.x }}?',
      answerers: ['ann'],
      timeout: '2d',
      default: { no: 1 },
    }),
  ];
  const { definition } = readWorkflowValue({ name: 'Test', steps });
  expect(checkWorkflow(definition)).toEqual([]);
  const faults = new Faults('INVALID_ARGUMENT');
  expect(readDefinition(faults, toWireWorkflow(definition))).toEqual(definition);
  expect(faults.problems).toEqual([]);
});
