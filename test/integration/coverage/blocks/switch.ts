import type { Entry } from '../entry.ts';
import { after, other, plainAfter, plainFrame, plainOutput, typedFrame, work } from '../frame.ts';
import { condition } from './condition.ts';

export const switchBlock: Entry = {
  block: 'switch',
  title: 'Switch',
  forms: {
    typed: () =>
      typedFrame()
        .switch('block', {
          totalTimeout: '10m',
          switch: ({ steps }) => steps.before.output.n,
          cases: [
            {
              equals: 1,
              steps: [{ id: 'taken', action: work, parameters: ({ steps }) => ({ n: steps.before.output.n }) }],
            },
          ],
          default: [{ id: 'left', action: other }],
        })
        .step('after', { action: after, parameters: ({ steps }) => ({ got: steps.block.output }) })
        .output(({ steps }) => steps.block.output)
        .build(),
    plain: () =>
      plainFrame()
        .switch('block', {
          totalTimeout: '10m',
          switch: 'steps.before.output.n',
          cases: [
            {
              equals: 1,
              steps: [{ id: 'taken', action: 'work', parameters: { n: '${{ steps.before.output.n }}' } }],
            },
          ],
          default: [{ id: 'left', action: 'other' }],
        })
        .step('after', plainAfter)
        .output(plainOutput)
        .build(),
    yaml: `
  - id: block
    type: switch
    totalTimeout: 10m
    switch: steps.before.output.n
    cases:
      - equals: 1
        steps:
          - { id: taken, action: work, parameters: { n: "\${{ steps.before.output.n }}" } }
    default:
      - { id: left, action: other }`,
    proto: {
      totalTimeout: '600s',
      switch: {
        value: 'steps.before.output.n',
        cases: [
          {
            equals: 1,
            steps: [{ id: 'taken', agent: { action: 'work', parameters: { n: '${{ steps.before.output.n }}' } } }],
          },
        ],
        defaultSteps: [{ id: 'left', agent: { action: 'other' } }],
      },
    },
  },
  output: { done: 1 },
  // It is a condition with more branches, and may not behave in any other way.
  situations: condition.situations,
};
