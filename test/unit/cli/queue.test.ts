/** What people see of runs that wait for their turn, and of runs that are tried again. */
import { expect, test } from 'vitest';
import { renderExplanation } from '../../../src/cli/render/explain.ts';
import { renderRuns } from '../../../src/cli/render/lists.ts';
import { renderChange, renderNow, renderStill } from '../../../src/cli/render/progress-line.ts';
import { plainStyle } from '../../../src/cli/render/style.ts';
import { headline, renderTimeline, waitNote } from '../../../src/cli/render/timeline.ts';
import type { RunEvent, RunView } from '../../../src/client/index.ts';
import { at, run, START, step } from './fixtures.ts';

const list = { wide: false, style: plainStyle, nowMs: START + 60_000, utc: true };
const queued = run({ status: 'QUEUED', queuePosition: 3, startTime: undefined, totalSteps: 2, steps: [step('copy')] });

function lineOf(view: RunView, event: Partial<RunEvent> & Pick<RunEvent, 'type'>): string | undefined {
  // The members of one type of event, as the test names it.
  return renderChange(view, { position: 1, time: at(5), runId: view.runId, ...event } as RunEvent);
}

test('a list says the position of a run that waits', () => {
  const rows = renderRuns([queued], list).split('\n');
  expect(rows[1]).toMatch(/QUEUED +0\/2 +1m +#3 in queue/);
});

test('a run that waits says its position, and names the command that says why', () => {
  const text = renderTimeline(queued, { ...list, columns: 80 });
  expect(text).toContain('QUEUED -  #3 in the queue of its workflow');
  expect(text).toContain('next: yardmaster runs explain e7b2');
  expect(renderNow(queued, START)).toBe('12:00:00Z run=9c41e7b2 QUEUED 0/2 #3 in the queue');
  // Nobody has asked since: it may be another one by now.
  expect(renderStill(queued, START)).toBe('12:00:00Z run=9c41e7b2 still QUEUED 0/2');
});

test('explain says what to do about a run that waits, and about a key', () => {
  const explanation = {
    path: 'copy',
    status: 'PENDING',
    waitReason: 'RUN_QUEUED',
    action: '',
    version: '',
    agentId: '',
    labels: {},
    waitingSince: at(0),
    candidates: [],
    summary: 'its run is number 3 of 5 that wait',
    ahead: 0,
    signal: undefined,
    dueTime: undefined,
    next: 'wait, or raise the concurrency of its workflow',
  } as const;
  expect(renderExplanation(explanation, list)).toBe(
    'copy PENDING 1m: its run is number 3 of 5 that wait\nnext: wait, or raise the concurrency of its workflow',
  );
  const held = { ...explanation, status: 'READY', waitReason: 'CONCURRENCY_KEY', summary: 'x', next: 'wait' } as const;
  expect(renderExplanation(held, list)).toContain('next: wait');
  expect(waitNote(step('copy', { status: 'READY', waitReason: 'CONCURRENCY_KEY' }))).toBe(
    'waits: others run that have its key',
  );
});

test('another try of a run is a line of its own, and stands in the head', () => {
  const view = run({ tryNumber: 2 });
  expect(headline(view, list)).toContain('RUNNING 1m 00s  try 2');
  expect(lineOf(view, { type: 'runTryScheduled', dueTime: at(15) })).toBe(
    '12:00:05Z run=9c41e7b2 WAITING "next try at 12:00:15Z"',
  );
  expect(lineOf(view, { type: 'runTryStarted', tryNumber: 2, steps: ['a', 'b'] })).toBe(
    '12:00:05Z run=9c41e7b2 RUNNING "try 2, 2 steps again"',
  );
});
