/** The workflows that run while things break, and what each step of them must give. */
import type { StepResult } from '../../../src/client/run-result.ts';
import { AGAIN, FLAKY, ONCE, resultOf } from '../work.ts';

export interface ChaosParameters {
  readonly key: string;
  readonly ms: number;
}

const MAP_ITEMS = 5;

function step(id: string, action: string, more: object = {}): object {
  return { id, action, parameters: { key: `\${{ params.key }}/${id}`, ms: '${{ params.ms }}' }, ...more };
}

export const workflows = [
  { name: 'chain', steps: [step('first', ONCE), step('second', AGAIN), step('third', ONCE)] },
  {
    name: 'wide',
    steps: [
      {
        id: 'all',
        type: 'parallel',
        steps: [step('a', ONCE), step('b', AGAIN), step('c', ONCE), step('d', AGAIN)],
      },
      step('last', ONCE),
    ],
  },
  { name: 'flaky', steps: [step('flaky', FLAKY, { retries: 1 }), step('after', ONCE)] },
  {
    name: 'items',
    steps: [
      {
        id: 'each',
        type: 'map',
        items: '${{ params.items }}',
        concurrency: 3,
        step: { id: 'one', action: ONCE, parameters: { key: '${{ params.key }}/${{ item }}', ms: '${{ params.ms }}' } },
      },
    ],
  },
] as const;

export const items: readonly string[] = Array.from({ length: MAP_ITEMS }, (_, i) => `item-${i}`);

/** What is wrong with the results of a run that completed. */
export function wrongResults(steps: readonly StepResult[], { key, ms }: ChaosParameters): readonly string[] {
  const wrong: string[] = [];
  for (const { path, kind, output } of steps) {
    const expected = expectedOutput(path, kind, { key, ms });
    if (expected !== undefined && JSON.stringify(output) !== JSON.stringify(expected)) {
      wrong.push(`step ${path} gave ${JSON.stringify(output)} and not ${JSON.stringify(expected)}`);
    }
  }
  return wrong;
}

function expectedOutput(path: string, kind: string, { key, ms }: ChaosParameters): unknown {
  if (kind === 'MAP') return items.map((item) => resultOf({ key: `${key}/${item}`, ms }));
  return kind === 'AGENT' ? resultOf({ key: `${key}/${path}`, ms }) : undefined;
}
