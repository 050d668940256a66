/** Why a step waits, instance by instance: all reasons at once. */
import type { CandidateView, StepExplanation } from '../../client/index.ts';
import type { Style } from './style.ts';
import { paintStatus } from './style.ts';
import { alignParts } from './table.ts';
import { instanceName, plural, safe } from './text.ts';
import { roughly } from './time.ts';

export interface ExplainOptions {
  readonly nowMs: number;
  readonly style: Style;
}

export function renderExplanation(explanation: StepExplanation, options: ExplainOptions): string {
  const rows = explanation.candidates.map((candidate) => [
    `  ${instanceName(candidate.agentId, candidate.instanceId)}`,
    ...reasonOf(candidate),
  ]);
  return [
    headlineOf(explanation, options),
    ...alignParts(rows),
    ...(explanation.ahead === 0 ? [] : [`  and: ${plural(explanation.ahead, 'waiting step')} of its kind go first`]),
    ...nextOf(explanation),
  ].join('\n');
}

/** `load READY 41s, needs load ^2.0, region=eu: 0 of 5 can take it` */
function headlineOf(explanation: StepExplanation, { nowMs, style }: ExplainOptions): string {
  const { path, status, waitingSince, summary } = explanation;
  const since = waitingSince === undefined ? '' : ` ${roughly(nowMs - waitingSince.getTime())}`;
  const needs = needsOf(explanation);
  return `${safe(path)} ${paintStatus(style, status)}${since}${needs === '' ? '' : `, needs ${needs}`}: ${safe(summary)}`;
}

function needsOf({ action, version, agentId, labels }: StepExplanation): string {
  if (action === '') return '';
  return [
    `${safe(action)}${version === '' ? '' : ` ${safe(version)}`}`,
    ...(agentId === '' ? [] : [`agent ${safe(agentId)}`]),
    ...Object.entries(labels).map(([key, value]) => `${safe(key)}=${safe(value)}`),
  ].join(', ');
}

/** A word and the facts beside it; of an instance's state the text is the word. */
function reasonOf({ reason, text, firstChoice }: CandidateView): readonly string[] {
  const said = safe(text);
  const [word, facts] = reason === 'STATE' ? splitState(said) : [reason.toLowerCase(), said];
  return firstChoice ? [word, `${facts}   <- first choice`] : [word, facts];
}

function splitState(text: string): readonly [string, string] {
  const space = text.indexOf(' ');
  return space < 0 ? [text.toLowerCase(), ''] : [text.slice(0, space).toLowerCase(), text.slice(space + 1)];
}

function nextOf(explanation: StepExplanation): readonly string[] {
  const { candidates, action, status, waitReason, signal } = explanation;
  if (signal !== undefined) return [`next: yardmaster runs signal, with the run and ${safe(signal.name)}`];
  if (waitReason === 'RUN_QUEUED') return ['next: wait, or raise the concurrency of its workflow'];
  if (status !== 'READY') return [];
  if (waitReason === 'PAUSED') return ['next: yardmaster runs resume, with the run'];
  if (waitReason === 'CONCURRENCY_KEY') return ['next: wait until an attempt that has its key ends'];
  const name = safe(action);
  if (candidates.length === 0) return [`next: start an agent that offers ${name}`];
  if (candidates.some(({ reason }) => reason === 'FREE')) return [];
  const busy = candidates.find(({ reason }) => reason === 'BUSY' || reason === 'CONCURRENCY');
  if (busy !== undefined) return [`next: wait, or more slots on ${safe(busy.agentId)}`];
  if (candidates.some(({ reason }) => reason === 'EXCLUDED' || reason === 'STATE')) {
    return [`next: wait, or start another agent that offers ${name}`];
  }
  return [`next: start an agent that offers ${needsOf(explanation)}`];
}
