/** The verdict of `demo --languages`: what it shows passes, and each thing that could go wrong is noticed. */
import { describe, expect, test } from 'vitest';
import type { StepResult } from '../../../src/client/index.ts';
import { findMixedFaults, type MixedEvidence } from '../../../src/demo/mixed-judge.ts';
import { expectedOutput } from '../../../src/demo/mixed-workflow.ts';

const LANGUAGES = ['go', 'python'];
type Attempt = StepResult['attempts'][number];

function attemptOf(agent: string, number: number, outcome: Attempt['outcome']): Attempt {
  const startTime = new Date(number);
  return {
    number,
    tryNumber: number,
    agent,
    instance: `${agent}-${number}`,
    outcome,
    error: undefined,
    startTime,
    endTime: startTime,
    resumed: number === 2,
  };
}

function stepOf(path: string, agent: string, ...outcomes: Attempt['outcome'][]): StepResult {
  return {
    stepId: path,
    path,
    kind: 'AGENT',
    status: 'COMPLETED',
    output: null,
    error: undefined,
    attempts: outcomes.map((outcome, i) => attemptOf(agent, i + 1, outcome)),
    agent,
    instance: 'i',
    startTime: new Date(0),
    endTime: new Date(1),
    durationMs: 1,
    skipReason: 'NONE',
    cleanup: false,
    usedFallback: false,
    fallbackOf: undefined,
    compensates: undefined,
  };
}

const output: unknown = expectedOutput(LANGUAGES);

const good: MixedEvidence = {
  languages: LANGUAGES,
  result: {
    runId: 'r1',
    executionId: 'r1',
    workflowId: 'MixedLanguages',
    version: 1,
    status: 'COMPLETED',
    output,
    error: undefined,
    steps: LANGUAGES.flatMap((language) => [
      stepOf(`digest-${language}`, `example-${language}`, 'COMPLETED'),
      stepOf(`count-${language}`, `example-${language}`, 'LOST', 'COMPLETED'),
      stepOf(`fail-${language}`, `example-${language}`, 'FAILED', 'COMPLETED'),
    ]),
    startTime: new Date(0),
    endTime: new Date(9),
    durationMs: 9,
    cleanupErrors: [],
  },
  kills: new Map(
    LANGUAGES.map((language, pid) => {
      const step = `count-${language}`;
      return [step, { language, agent: language, instance: `${step}-1`, pid, step, attempt: 1, at: 0, monotonic: 0 }];
    }),
  ),
  reroutes: new Map(
    LANGUAGES.map((language) => {
      const step = `count-${language}`;
      return [step, { step, attempt: 2, fromInstance: `${step}-1`, toInstance: `${step}-2`, ms: 9 }];
    }),
  ),
  signalOf: () => 'SIGKILL',
};

function withStep(path: string, step: StepResult | undefined): MixedEvidence {
  const steps = good.result.steps.flatMap((given) => (given.path === path ? (step ?? []) : given));
  return { ...good, result: { ...good.result, steps } };
}

describe('findMixedFaults', () => {
  test('finds none when all of it happened', () => {
    expect(findMixedFaults(good)).toEqual([]);
  });

  const lost = stepOf('count-go', 'example-go', 'LOST', 'COMPLETED');
  const bad: readonly (readonly [string, MixedEvidence, RegExp])[] = [
    ['the run failed', { ...good, result: { ...good.result, status: 'FAILED', output: undefined } }, /ended FAILED/],
    ['the output is another', { ...good, languages: ['go'] }, /the run answers/],
    ['a step is missing', withStep('digest-go', undefined), /no step digest-go/],
    ['another language did it', withStep('digest-go', stepOf('digest-go', 'example-python', 'COMPLETED')), /done by/],
    ['it ran once', withStep('count-go', stepOf('count-go', 'example-go', 'COMPLETED')), /count-go has the history/],
    ['it failed never', withStep('fail-go', stepOf('fail-go', 'example-go', 'COMPLETED')), /fail-go has the history/],
    [
      'it began anew',
      withStep('count-go', { ...lost, attempts: lost.attempts.map((attempt) => ({ ...attempt, resumed: false })) }),
      /did not go on from a checkpoint/,
    ],
    ['nobody was killed', { ...good, kills: new Map() }, /nothing was killed/],
    ['it ended by itself', { ...good, signalOf: () => null }, /not ended by SIGKILL/],
    ['it did not move', { ...good, reroutes: new Map() }, /did not move/],
    [
      'it came back',
      {
        ...good,
        reroutes: new Map([...good.reroutes].map(([step, to]) => [step, { ...to, toInstance: to.fromInstance }])),
      },
      /came back to the instance/,
    ],
  ];
  test.for(bad)('finds that %s', ([, evidence, fault]) => {
    expect(findMixedFaults(evidence).join('\n')).toMatch(fault);
  });
});
