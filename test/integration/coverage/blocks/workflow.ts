import type { Entry } from '../entry.ts';
import { after, plainAfter, plainFrame, plainOutput, typedFrame } from '../frame.ts';

const PART = {
  name: 'Part',
  description: 'What the block runs',
  steps: [{ id: 'task', action: 'work', parameters: { n: '${{ params.n }}' } }],
  output: '${{ steps.task.output }}',
};

const started = ['before#1 COMPLETED 0-0'];
const done = { before: 'COMPLETED', block: 'COMPLETED', after: 'COMPLETED' };

export const workflow: Entry = {
  block: 'workflow',
  title: 'Workflow',
  also: [PART],
  forms: {
    typed: () =>
      typedFrame()
        .workflow('block', {
          totalTimeout: '10m',
          workflow: 'Part',
          parameters: ({ steps }) => ({ n: steps.before.output.n }),
        })
        .step('after', { action: after, parameters: ({ steps }) => ({ got: steps.block.output }) })
        .output(({ steps }) => steps.block.output)
        .build(),
    plain: () =>
      plainFrame()
        .workflow('block', {
          totalTimeout: '10m',
          workflow: 'Part',
          parameters: { n: '${{ steps.before.output.n }}' },
        })
        .step('after', plainAfter)
        .output(plainOutput)
        .build(),
    yaml: `
  - id: block
    type: workflow
    totalTimeout: 10m
    workflow: Part
    parameters: { n: "\${{ steps.before.output.n }}" }`,
    proto: {
      totalTimeout: '600s',
      workflow: { workflow: 'Part', parameters: { n: '${{ steps.before.output.n }}' } },
    },
  },
  output: { done: 1 },
  situations: {
    success: {
      what: 'it completes when its child run has, and gives what that gave',
      status: 'COMPLETED',
      history: [...started, 'after#1 COMPLETED 5-5'],
      others: ['Part/task#1 COMPLETED 0-5'],
      steps: done,
    },
    failure: {
      what: 'it fails when its child run has',
      status: 'FAILED',
      code: 'CHILD_FAILED',
      history: started,
      others: ['Part/task#1 FAILED 0-0'],
      steps: { before: 'COMPLETED', block: 'FAILED', after: 'SKIPPED' },
    },
    timeout: {
      what: 'its child run is cancelled after its totalTimeout',
      status: 'FAILED',
      code: 'TOTAL_TIMEOUT',
      history: started,
      others: ['Part/task#1 CANCELLED 0-10'],
      steps: { before: 'COMPLETED', block: 'TIMED_OUT', after: 'SKIPPED' },
    },
    cancel: {
      what: 'its child run is cancelled',
      status: 'CANCELLED',
      code: 'CANCELLED',
      history: started,
      others: ['Part/task#1 CANCELLED 0-2'],
      steps: { before: 'COMPLETED', block: 'CANCELLED', after: 'SKIPPED' },
    },
    loss: {
      what: 'the step of its child run goes to another agent, and the child run is the same',
      status: 'COMPLETED',
      history: [...started, 'after#1 COMPLETED 6-6'],
      others: ['Part/task#1 LOST 0-1', 'Part/task#2 COMPLETED 1-6'],
      steps: done,
    },
    restart: {
      what: 'its child run goes on over the restart, and there is only one',
      status: 'COMPLETED',
      history: [...started, 'after#1 COMPLETED 5-5'],
      others: ['Part/task#1 COMPLETED 0-5'],
      steps: done,
    },
    pause: {
      what: 'its child run ends in the pause, and what follows starts after it',
      status: 'COMPLETED',
      paused: started,
      history: [...started, 'after#1 COMPLETED 22-22'],
      others: ['Part/task#1 COMPLETED 0-5'],
      steps: done,
    },
  },
};
