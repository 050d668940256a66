/** Whether agents in every language did their part and one of each was replaced. Every fault is a sentence; none means yes. */
import { isDeepStrictEqual } from 'node:util';
import type { StepResult, WorkflowResult } from '../client/index.ts';
import type { Kill } from './mixed-follow.ts';
import { countStep, digestStep, expectedOutput, failStep } from './mixed-workflow.ts';
import type { Rerouted } from './result.ts';

export interface MixedEvidence {
  readonly result: WorkflowResult<unknown>;
  readonly languages: readonly string[];
  /** By step. */
  readonly kills: ReadonlyMap<string, Kill>;
  readonly reroutes: ReadonlyMap<string, Rerouted>;
  /** The signal that ended a process. */
  readonly signalOf: (pid: number) => string | null;
}

export function findMixedFaults(evidence: MixedEvidence): readonly string[] {
  return [...judgeRun(evidence), ...evidence.languages.flatMap((language) => judgeLanguage(evidence, language))];
}

function judgeRun({ result, languages }: MixedEvidence): readonly string[] {
  if (result.status !== 'COMPLETED') {
    const why = result.error === undefined ? '' : `: ${result.error.code} ${result.error.message}`;
    return [`the run ended ${result.status}${why}`];
  }
  const expected = expectedOutput(languages);
  if (isDeepStrictEqual(result.output, expected)) return [];
  return [`the run answers ${JSON.stringify(result.output)}, not ${JSON.stringify(expected)}`];
}

function judgeLanguage(evidence: MixedEvidence, language: string): readonly string[] {
  const { steps } = evidence.result;
  return [
    ...judgeHistory(steps, digestStep(language), language, '#1 COMPLETED'),
    ...judgeHistory(steps, countStep(language), language, '#1 LOST, #2 COMPLETED'),
    ...judgeHistory(steps, failStep(language), language, '#1 FAILED, #2 COMPLETED'),
    ...judgeKill(evidence, countStep(language)),
  ];
}

function judgeHistory(steps: readonly StepResult[], path: string, language: string, wanted: string): readonly string[] {
  const step = steps.find((candidate) => candidate.path === path || candidate.path.endsWith(`/${path}`));
  if (step === undefined) return [`the run has no step ${path}`];
  const history = step.attempts.map(({ number, outcome }) => `#${number} ${outcome}`).join(', ');
  const strangers = step.attempts.filter(({ agent }) => agent !== `example-${language}`).map(({ agent }) => agent);
  return [
    ...(history === wanted ? [] : [`${path} has the history "${history}", not "${wanted}"`]),
    ...strangers.map((agent) => `${path} was done by ${agent}`),
  ];
}

function judgeKill({ kills, reroutes, signalOf, result }: MixedEvidence, step: string): readonly string[] {
  const killed = kills.get(step);
  if (killed === undefined) return [`nothing was killed: ${step} ended before its first checkpoint was stored`];
  const faults: string[] = [];
  if (signalOf(killed.pid) !== 'SIGKILL') faults.push(`process ${killed.pid} was not ended by SIGKILL`);
  const rerouted = reroutes.get(step);
  if (rerouted === undefined) return [...faults, `${step} did not move to another agent`];
  if (rerouted.toInstance === killed.instance) faults.push(`${step} came back to the instance that was killed`);
  const second = result.steps.find(({ path }) => path === step)?.attempts[1];
  if (second?.resumed !== true) faults.push(`the second attempt of ${step} did not go on from a checkpoint`);
  return faults;
}
