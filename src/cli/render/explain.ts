/** Why a step waits, instance by instance: all reasons at once. */
import type { CandidateView, StepExplanation } from '../../client/index.ts';
import { payloadHint, propertyLines } from './form.ts';
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
    ...formOf(explanation),
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

/** What may be sent, where the step waits for a signal with a form. */
function formOf({ signal }: StepExplanation): readonly string[] {
  const lines = propertyLines(signal?.form);
  return lines.length === 0 ? [] : ['it takes:', ...lines];
}

/** With an example of what to send, which the control plane leaves to whoever shows it. */
function nextOf({ next, signal }: StepExplanation): readonly string[] {
  if (next === '') return [];
  const said = signal === undefined ? next : next.replace(/ --payload JSON$/, payloadHint(signal.form));
  return [`next: ${safe(said)}`];
}
