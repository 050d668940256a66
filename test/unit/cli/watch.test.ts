/** What people see of estimates, of runs that are stuck, and of forms. */
import { createRouterTransport } from '@connectrpc/connect';
import { describe, expect, test } from 'vitest';
import { payloadHint, propertyLines } from '../../../src/cli/render/form.ts';
import { renderRuns } from '../../../src/cli/render/lists.ts';
import { renderFrame } from '../../../src/cli/render/progress-frame.ts';
import { renderStill } from '../../../src/cli/render/progress-line.ts';
import { plainStyle } from '../../../src/cli/render/style.ts';
import { renderTimeline } from '../../../src/cli/render/timeline.ts';
import { estimateEta, Orchestrator } from '../../../src/client/index.ts';
import { FakeMesh } from '../client/fake-mesh.ts';
import { runCommand } from './capture.ts';
import { at, attempt, openRun, run, START, step } from './fixtures.ts';

const NOW = START + 7_000;
const list = { wide: false, style: plainStyle, nowMs: NOW, utc: true };

describe('an estimate', () => {
  const late = { ...openRun, estimatedCompletion: at(11) };

  test('is what is left of it, never less than nothing, and nothing once its time has gone by', () => {
    expect(estimateEta(late, NOW)).toBe(4_000);
    expect(estimateEta(late, START + 11_000)).toBe(0);
    expect(estimateEta(late, START + 11_001)).toBeUndefined();
    expect(estimateEta(openRun, NOW)).toBeUndefined();
    expect(estimateEta({ ...late, status: 'COMPLETED' }, NOW)).toBe(0);
  });

  test('stands in the line after a silence and in the head of the timeline', () => {
    expect(renderStill(late, NOW)).toBe('12:00:07Z run=9c41e7b2 still RUNNING 3/6 clean 62% ETA 4s');
    expect(renderTimeline(late, { ...list, columns: 80 }).split('\n')[0]).toBe(
      'Nightly v3  9c41e7b2  RUNNING 7.0s  ETA 4s',
    );
  });

  test('of a step stands beside what it has taken', () => {
    const steps = [
      step('clean', {
        status: 'RUNNING',
        usualMs: 8_000,
        attempts: [attempt(1, 'cleaner/91c0', { startTime: at(2), outcome: 'OPEN' })],
      }),
    ];
    const lines = renderFrame(run({ steps, totalSteps: 1 }), {
      nowMs: NOW,
      style: plainStyle,
      columns: 80,
      rows: 10,
      etaMs: undefined,
      dependencies: new Map(),
      reasons: new Map(),
    });
    expect(lines[1]).toBe(' >> clean  5.0s of ~8s  cleaner/91c0');
  });
});

describe('a run that is stuck', () => {
  const message = '"load" has waited 12m 04s for an agent that offers load; no live one could take it';
  const stuck = {
    reason: 'NO_AGENT',
    step: 'load',
    attempt: undefined,
    since: at(-724),
    message,
    next: 'yardmaster runs explain 9c41e7b2 load',
  } as const;
  const open = run({ stuck, createTime: at(-724), startTime: at(-724), totalSteps: 1 });

  test('says why and what to do, in one run, in a list and after a silence', () => {
    const page = renderTimeline(open, { ...list, columns: 80 }).split('\n');
    expect(page[0]).toBe('Nightly v3  9c41e7b2  RUNNING 12m 11s  stuck');
    expect(page.slice(-2)).toEqual([`stuck NO_AGENT: ${message}`, 'next: yardmaster runs explain 9c41e7b2 load']);
    expect(`\n${renderRuns([open], list)}\n`).toBe(`
RUN       WORKFLOW    STATUS   STEPS  AGE  TOOK     ERROR
9c41e7b2  Nightly v3  RUNNING  0/1    12m  12m 11s  stuck NO_AGENT: load
`);
    expect(renderStill(open, NOW)).toBe(`12:00:07Z run=9c41e7b2 still RUNNING 0/1 STUCK ${JSON.stringify(message)}`);
  });

  test('is asked for with --stuck', async () => {
    const mesh = new FakeMesh();
    const connect = (): Orchestrator => new Orchestrator({ transport: createRouterTransport(mesh.routes) });
    expect(await runCommand(['runs', 'list', '--stuck'], { connect })).toMatchObject({
      code: 0,
      err: expect.stringContaining('no run fits'),
    });
    expect(mesh.filters).toMatchObject([{ stuck: true }]);
    await runCommand(['runs', 'list'], { connect });
    expect(mesh.filters[1]).toMatchObject({ stuck: false });
  });
});

describe('a form', () => {
  test.each([
    ['nothing to say', undefined, ''],
    [
      'an object: what is required',
      { type: 'object', properties: { a: { type: 'boolean' }, b: { type: 'string' } }, required: ['a'] },
      `'{"a":true}'`,
    ],
    [
      'an object that requires nothing: all of it',
      { properties: { n: { type: 'integer', minimum: 3 }, l: { type: 'array' } } },
      `'{"n":3,"l":[]}'`,
    ],
    ['what the author gives', { type: 'string', examples: ['eu-1'] }, `'"eu-1"'`],
    ['one of several', { enum: ['yes', 'no'] }, `'"yes"'`],
    ['a quote, which would end the argument', { const: "it's; rm -rf" }, 'JSON'],
    ['a control character', { const: 'a\u001b[2Jb' }, `'"a\\u001b[2Jb"'`],
    ['far too much', { const: 'x'.repeat(300) }, 'JSON'],
  ])('as an example to type: %s', (_, form, payload) => {
    expect(payloadHint(form)).toBe(payload === '' ? '' : ` --payload ${payload}`);
  });

  test('as lines', () => {
    const form = {
      properties: { ok: { type: 'boolean', description: 'go\u0007on' }, any: true },
      required: ['ok'],
    };
    expect(propertyLines(form)).toEqual(['  ok   boolean  go on', '  any  any      optional']);
    expect(propertyLines({ type: 'string' })).toEqual([]);
  });
});
