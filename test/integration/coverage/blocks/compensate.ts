import type { Entry } from '../entry.ts';
import { after, broken, other, plainAfter, plainFrame, plainOutput, typedFrame, work } from '../frame.ts';

const started = ['before#1 COMPLETED 0-0', 'made#1 COMPLETED 0-0', 'bad#1 FAILED 0-0'];
const steps = { before: 'COMPLETED', block: 'FAILED', made: 'COMPLETED', bad: 'FAILED', after: 'SKIPPED' };
const undone = { ...steps, undo: 'COMPLETED' };

export const compensate: Entry = {
  block: 'compensate',
  title: 'Compensation of a step that completed, in a run that fails',
  forms: {
    typed: () =>
      typedFrame()
        .sequential('block', {
          steps: [
            {
              id: 'made',
              action: other,
              compensate: {
                id: 'undo',
                action: work,
                timeout: '10m',
                parameters: ({ steps: { before } }) => ({ n: before.output.n }),
              },
            },
            { id: 'bad', action: broken },
          ],
        })
        .step('after', { action: after, parameters: ({ steps: { block } }) => ({ got: block.output }) })
        .output(({ steps: { block } }) => block.output)
        .build(),
    plain: () =>
      plainFrame()
        .sequential('block', {
          steps: [
            {
              id: 'made',
              action: 'other',
              compensate: {
                id: 'undo',
                action: 'work',
                timeout: '10m',
                parameters: { n: '${{ steps.before.output.n }}' },
              },
            },
            { id: 'bad', action: 'broken' },
          ],
        })
        .step('after', plainAfter)
        .output(plainOutput)
        .build(),
    yaml: `
  - id: block
    type: sequential
    steps:
      - id: made
        action: other
        compensate: { id: undo, action: work, timeout: 10m, parameters: { n: "\${{ steps.before.output.n }}" } }
      - { id: bad, action: broken }`,
    proto: {
      sequential: {
        steps: [
          {
            id: 'made',
            agent: { action: 'other' },
            compensate: {
              id: 'undo',
              agent: { action: 'work', timeout: '600s', parameters: { n: '${{ steps.before.output.n }}' } },
            },
          },
          { id: 'bad', dependencies: ['made'], agent: { action: 'broken' } },
        ],
      },
    },
  },
  output: undefined,
  situations: {
    success: {
      what: 'it runs when everything else is over, and the run ends as it would have without it',
      status: 'FAILED',
      code: 'BROKEN',
      history: [...started, 'undo#1 COMPLETED 0-5'],
      steps: undone,
    },
    failure: {
      what: 'when it fails, that is told beside the outcome and does not change it',
      status: 'FAILED',
      code: 'BROKEN',
      history: [...started, 'undo#1 FAILED 0-0'],
      steps: { ...steps, undo: 'FAILED' },
    },
    timeout: {
      what: 'its attempt is ended after its timeout, and the outcome stays',
      status: 'FAILED',
      code: 'BROKEN',
      history: [...started, 'undo#1 TIMED_OUT 0-10'],
      steps: { ...steps, undo: 'TIMED_OUT' },
    },
    cancel: {
      what: 'it goes on (here until its timeout): the end of the run was decided before',
      status: 'FAILED',
      code: 'BROKEN',
      history: [...started, 'undo#1 TIMED_OUT 0-10'],
      steps: { ...steps, undo: 'TIMED_OUT' },
    },
    loss: {
      what: 'it goes to another agent when the first one is given up; nothing else runs again',
      status: 'FAILED',
      code: 'BROKEN',
      history: [...started, 'undo#1 LOST 0-1', 'undo#2 COMPLETED 1-6'],
      steps: undone,
    },
    restart: {
      what: 'it goes on over the restart, and runs once',
      status: 'FAILED',
      code: 'BROKEN',
      history: [...started, 'undo#1 COMPLETED 0-5'],
      steps: undone,
    },
    pause: {
      what: 'it goes on: a run that is ending is not paused',
      status: 'FAILED',
      code: 'BROKEN',
      paused: [...started, 'undo#1 COMPLETED 0-5'],
      history: [...started, 'undo#1 COMPLETED 0-5'],
      steps: undone,
    },
  },
};
