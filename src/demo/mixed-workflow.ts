/** The workflow of `demo --languages`: every language has a part in it, and each part has what the one before it made. */
import { createHash } from 'node:crypto';
import type { WorkflowInput } from '../client/index.ts';
import type { Example } from './mixed-examples.ts';

export const MIXED_WORKFLOW = 'MixedLanguages';
export const COUNT_TO = 20;
const COUNT_DELAY_MS = 100;
const ROUNDS = 1_000;
const TEXT = 'yardmaster';
/** A code of the agents' own. */
const FAILURE = 'FLAKY';

/** The step of a language whose agent is killed. */
export function countStep(language: string): string {
  return `count-${language}`;
}

export function digestStep(language: string): string {
  return `digest-${language}`;
}

export function failStep(language: string): string {
  return `fail-${language}`;
}

export function createMixedWorkflow(examples: readonly Example[]): WorkflowInput {
  const languages = examples.map(({ language }) => language);
  const before = ['steps.hello.output.text', ...languages.map((name) => `steps["${digestStep(name)}"].output.sha256`)];
  const last = before.at(-1) ?? '';
  return {
    name: MIXED_WORKFLOW,
    description: 'One part for each language; their agents know nothing of each other',
    timeout: '5m',
    steps: [
      { id: 'hello', action: 'echo', parameters: { text: TEXT } },
      ...examples.map(({ language, agentId }, i) => ({
        id: digestStep(language),
        agentId,
        action: 'digest',
        parameters: { text: `\${{ ${before[i]} }}`, rounds: ROUNDS },
      })),
      // One after the other: of agents that are lost in one second only a few are believed to be.
      ...examples.map(({ language, agentId }) => ({
        id: countStep(language),
        agentId,
        action: 'count',
        // To count twice does no harm, so another agent takes over at once.
        idempotent: true,
        parameters: { to: COUNT_TO, delayMs: COUNT_DELAY_MS },
      })),
      {
        id: 'try-again',
        type: 'parallel',
        steps: examples.map(({ language, agentId }) => ({
          id: failStep(language),
          agentId,
          action: 'fail',
          parameters: { code: FAILURE, message: 'told to fail once', times: 1, retryAfterMs: 10 },
          retry: { tries: 2 },
        })),
      },
      {
        id: 'report',
        action: 'echo',
        parameters: {
          sha256: `\${{ ${last} }}`,
          counted: languages.map((name) => `\${{ steps["${countStep(name)}"].output.counted }}`),
        },
      },
    ],
    output: '${{ steps.report.output }}',
  };
}

/** What the run must answer, computed here. */
export function expectedOutput(languages: readonly string[]): {
  readonly sha256: string;
  readonly counted: readonly number[];
} {
  let digest = TEXT;
  for (const _ of languages) digest = digestOf(digest);
  return { sha256: digest, counted: languages.map(() => COUNT_TO) };
}

function digestOf(given: string): string {
  let sum = createHash('sha256').update(given, 'utf8').digest();
  for (let round = 1; round < ROUNDS; round++) sum = createHash('sha256').update(sum).digest();
  return sum.toString('hex');
}
