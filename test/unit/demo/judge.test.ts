/** The demo's verdict: what it shows passes, and each thing that could go wrong is noticed. */
import { describe, expect, test } from 'vitest';
import type { StepResult } from '../../../src/client/index.ts';
import { countJoined, type Evidence, findFaults } from '../../../src/demo/judge.ts';

const ORDER = [
  ['extract-db1', 'extract-db2', 'extract-api'],
  ['clean-data'],
  ['transform-data'],
  ['generate-report', 'update-dashboard', 'send-notifications'],
];

function attemptOf(number: number, outcome: 'COMPLETED' | 'LOST', at: number): StepResult['attempts'][number] {
  return {
    number,
    tryNumber: 1,
    agent: 'agent',
    instance: `i${number}`,
    outcome,
    error: undefined,
    startTime: new Date(at),
    endTime: new Date(at + 10),
    resumed: number === 2,
  };
}

function stepOf(path: string, at: number): StepResult {
  const attempts =
    path === 'transform-data'
      ? [attemptOf(1, 'LOST', at), attemptOf(2, 'COMPLETED', at + 1)]
      : [attemptOf(1, 'COMPLETED', at)];
  return {
    stepId: path,
    path,
    kind: 'AGENT',
    status: 'COMPLETED',
    output: null,
    error: undefined,
    attempts,
    agent: 'agent',
    instance: 'i1',
    startTime: new Date(at),
    endTime: new Date(at + 11),
    durationMs: 11,
    skipReason: 'NONE',
    cleanup: false,
    usedFallback: false,
    fallbackOf: undefined,
    compensates: undefined,
  };
}

const good: Evidence = {
  result: {
    runId: 'r1',
    executionId: 'r1',
    workflowId: 'OptimizedDataProcessing',
    version: 1,
    status: 'COMPLETED',
    output: null,
    error: undefined,
    steps: ORDER.flatMap((paths, i) => paths.map((path) => stepOf(path, i * 100))),
    startTime: new Date(0),
    endTime: new Date(400),
    durationMs: 400,
    cleanupErrors: [],
  },
  killed: { agent: 'data-transformer', instance: 'i1', pid: 1, step: 'transform-data', attempt: 1 },
  rerouted: { step: 'transform-data', attempt: 2, fromInstance: 'i1', toInstance: 'i2', ms: 9 },
  process: { killedBy: 'SIGKILL', successorPid: 2 },
  distinct: 6,
  cleanRows: 6,
  files: { killed: { rows: [0, 1, 2, 3], counted: [4, 4] }, successor: { rows: [2, 3, 4, 5], counted: [6, 6] } },
  pages: { 'report.html': 6 },
  notifications: [{ runId: 'r1', strikes: 6 }],
};

function withStep(path: string, change: (step: StepResult) => StepResult): Evidence {
  const steps = good.result.steps.map((step) => (step.path === path ? change(step) : step));
  return { ...good, result: { ...good.result, steps } };
}

const files = good.files as {
  killed: { rows: number[]; counted: number[] };
  successor: { rows: number[]; counted: number[] };
};

describe('findFaults', () => {
  test('finds none when all of it happened', () => {
    expect(findFaults(good)).toEqual([]);
  });

  const bad: readonly (readonly [string, Evidence, RegExp])[] = [
    [
      'the run failed',
      { ...good, result: { ...good.result, status: 'FAILED', output: undefined, error: undefined } },
      /ended FAILED/,
    ],
    [
      'a step ran twice',
      withStep('clean-data', (step) => ({
        ...step,
        attempts: [attemptOf(1, 'LOST', 100), attemptOf(2, 'COMPLETED', 101)],
      })),
      /clean-data has the history/,
    ],
    [
      'a step is missing',
      { ...good, result: { ...good.result, steps: good.result.steps.slice(1) } },
      /no step extract-db1/,
    ],
    [
      'a step started too early',
      withStep('clean-data', (step) => ({ ...step, attempts: [attemptOf(1, 'COMPLETED', 5)] })),
      /clean-data started before extract-db1/,
    ],
    ['the victim was not killed', { ...good, killed: undefined, rerouted: undefined }, /nothing was killed/],
    [
      'the victim ran once',
      withStep('transform-data', (step) => ({ ...step, attempts: [attemptOf(1, 'COMPLETED', 200)] })),
      /transform-data has the history "#1 COMPLETED"/,
    ],
    ['nobody took over', { ...good, rerouted: undefined }, /did not move/],
    [
      'the process died of something else',
      { ...good, process: { killedBy: 'SIGTERM', successorPid: 2 } },
      /not ended by SIGKILL/,
    ],
    ['the successor is dead', { ...good, process: { killedBy: 'SIGKILL', successorPid: undefined } }, /does not live/],
    [
      'the successor is the killed process',
      { ...good, process: { killedBy: 'SIGKILL', successorPid: 1 } },
      /is the killed one/,
    ],
    [
      'it came back to the same instance',
      {
        ...good,
        rerouted: { ...good.rerouted, step: 'transform-data', attempt: 2, fromInstance: 'i1', toInstance: 'i1', ms: 9 },
      },
      /came back/,
    ],
    [
      'it began anew',
      withStep('transform-data', (step) => ({
        ...step,
        attempts: step.attempts.map((attempt) => ({ ...attempt, resumed: false })),
      })),
      /did not go on from a checkpoint/,
    ],
    ['rows were lost in cleaning', { ...good, cleanRows: 5 }, /kept 5 rows of 6/],
    [
      'the second attempt did all rows',
      { ...good, files: { ...files, successor: { rows: [0, 1, 2, 3, 4, 5], counted: [6] } } },
      /began at row 0/,
    ],
    [
      'a row is missing',
      { ...good, files: { ...files, successor: { rows: [2, 3, 5], counted: [6] } } },
      /5 rows were joined, of 6/,
    ],
    [
      'a row counts twice',
      { ...good, files: { ...files, successor: { rows: [2, 3, 4, 5], counted: [6, 7] } } },
      /totals count 7/,
    ],
    ['an attempt left nothing', { ...good, files: { killed: undefined, successor: undefined } }, /left no file/],
    ['a page is missing', { ...good, pages: { 'report.html': undefined } }, /report.html is missing/],
    ['a page shows other numbers', { ...good, pages: { 'report.html': 5 } }, /shows 5 strikes, not 6/],
    ['nobody was told', { ...good, notifications: [] }, /0 notifications/],
    [
      'somebody was told twice',
      { ...good, notifications: [...good.notifications, ...good.notifications] },
      /2 notifications/,
    ],
    [
      'the message is about another run',
      { ...good, notifications: [{ runId: 'r2', strikes: 6 }] },
      /about something else/,
    ],
  ];

  test.each(bad)('notices that %s', (_name, evidence, message) => {
    expect(findFaults(evidence).join('\n')).toMatch(message);
  });
});

test('countJoined counts each row once: before the checkpoint from the first attempt, then from the second', () => {
  expect(countJoined(files.killed, files.successor)).toBe(6);
  expect(countJoined({ rows: [0], counted: [] }, { rows: [2], counted: [] })).toBe(2);
});
