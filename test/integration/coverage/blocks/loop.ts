import type { Entry } from '../entry.ts';
import { after, plainAfter, plainFrame, plainOutput, typedFrame, work } from '../frame.ts';

const started = ['before#1 COMPLETED 0-0'];
const iterations = ['block/1/turn#1 COMPLETED 0-5', 'block/2/turn#1 COMPLETED 5-10'];
/** A run lists the steps of the iteration that runs; those of earlier ones are history. */
const done = { before: 'COMPLETED', block: 'COMPLETED', after: 'COMPLETED' };

export const loop: Entry = {
  block: 'loop',
  title: 'Loop',
  forms: {
    typed: () =>
      typedFrame()
        .loop('block', {
          totalTimeout: '30m',
          while: 'iteration <= 2',
          maxIterations: 5,
          body: [
            { id: 'turn', action: work, timeout: '10m', parameters: ({ steps }) => ({ n: steps.before.output.n }) },
          ],
        })
        .step('after', { action: after, parameters: ({ steps }) => ({ got: steps.block.output }) })
        .output(({ steps }) => steps.block.output)
        .build(),
    plain: () =>
      plainFrame()
        .loop('block', {
          totalTimeout: '30m',
          while: 'iteration <= 2',
          maxIterations: 5,
          body: [{ id: 'turn', action: 'work', timeout: '10m', parameters: { n: '${{ steps.before.output.n }}' } }],
        })
        .step('after', plainAfter)
        .output(plainOutput)
        .build(),
    yaml: `
  - id: block
    type: loop
    totalTimeout: 30m
    while: iteration <= 2
    maxIterations: 5
    body:
      - { id: turn, action: work, timeout: 10m, parameters: { n: "\${{ steps.before.output.n }}" } }`,
    proto: {
      totalTimeout: '1800s',
      loop: {
        while: 'iteration <= 2',
        maxIterations: 5,
        body: [
          { id: 'turn', agent: { action: 'work', timeout: '600s', parameters: { n: '${{ steps.before.output.n }}' } } },
        ],
      },
    },
  },
  output: { done: 1 },
  situations: {
    success: {
      what: 'its body runs twice, one iteration after the other, and it gives what the last one gave',
      status: 'COMPLETED',
      history: [...started, ...iterations, 'after#1 COMPLETED 10-10'],
      steps: done,
    },
    failure: {
      what: 'it fails with the failure of an iteration, and there is no other one',
      status: 'FAILED',
      code: 'NO',
      history: [...started, 'block/1/turn#1 FAILED 0-0'],
      steps: { before: 'COMPLETED', block: 'FAILED', 'block/1/turn': 'FAILED', after: 'SKIPPED' },
    },
    timeout: {
      what: 'a step of its body is ended after its own timeout, which fails the loop',
      status: 'FAILED',
      code: 'STEP_TIMEOUT',
      history: [...started, 'block/1/turn#1 TIMED_OUT 0-10'],
      steps: { before: 'COMPLETED', block: 'FAILED', 'block/1/turn': 'TIMED_OUT', after: 'SKIPPED' },
    },
    cancel: {
      what: 'the iteration that runs is stopped, and there is no other one',
      status: 'CANCELLED',
      code: 'CANCELLED',
      history: [...started, 'block/1/turn#1 CANCELLED 0-2'],
      steps: { before: 'COMPLETED', block: 'CANCELLED', 'block/1/turn': 'CANCELLED', after: 'SKIPPED' },
    },
    loss: {
      what: 'the step goes to another agent within its iteration, and the loop goes on',
      status: 'COMPLETED',
      history: [
        ...started,
        'block/1/turn#1 LOST 0-1',
        'block/1/turn#2 COMPLETED 1-6',
        'block/2/turn#1 COMPLETED 6-11',
        'after#1 COMPLETED 11-11',
      ],
      steps: done,
    },
    restart: {
      what: 'the iteration that runs goes on over the restart, and the loop after it',
      status: 'COMPLETED',
      history: [...started, ...iterations, 'after#1 COMPLETED 10-10'],
      steps: done,
    },
    pause: {
      what: 'the iteration that runs ends in the pause, and the next one begins after it',
      status: 'COMPLETED',
      paused: [...started, 'block/1/turn#1 COMPLETED 0-5'],
      history: [
        ...started,
        'block/1/turn#1 COMPLETED 0-5',
        'block/2/turn#1 COMPLETED 22-27',
        'after#1 COMPLETED 27-27',
      ],
      steps: done,
    },
  },
};
