/** What the conformance kit found, for people. */
import type { Outcome, Situation } from '../../conformance/index.ts';
import type { Style } from './style.ts';
import { renderTable } from './table.ts';
import { plural, safe } from './text.ts';

const SIZES: readonly { readonly unit: string; readonly ms: number }[] = [
  { unit: 's', ms: 1_000 },
  { unit: 'ms', ms: 1 },
];

export function renderSituations(situations: readonly Situation[], style: Style): string {
  return renderTable(
    situations,
    [
      { title: 'SITUATION', cell: ({ name }) => name },
      { title: 'CLAUSES', cell: ({ clauses }) => clauses.join(' ') },
      { title: 'AN AGENT', cell: ({ title }) => title },
    ],
    { wide: false, style },
  );
}

/** A row per situation. */
export function renderOutcomes(outcomes: readonly Outcome[], style: Style): string {
  return renderTable(
    outcomes,
    [
      { title: 'RESULT', cell: ({ verdict }) => verdict.toUpperCase(), status: true },
      { title: 'SITUATION', cell: ({ name }) => name },
      { title: 'CLAUSES', cell: ({ clauses }) => clauses.join(' ') },
      { title: 'TIME', cell: ({ durationMs }) => shortTime(durationMs) },
      { title: 'AN AGENT', cell: (outcome) => (outcome.verdict === 'unsupported' ? outcome.fact : outcome.title) },
    ],
    { wide: false, style },
  );
}

/** What was expected, what came, and how it came to that. Undefined: it did not fail. */
export function renderFailure(outcome: Outcome, style: Style): string | undefined {
  if (outcome.verdict !== 'fail') return undefined;
  const { name, title, broken, expected, came, frames, output } = outcome;
  return [
    `${style.paint('FAIL', 'bad')} ${name}: an agent ${title}`,
    `  broken    ${broken.join(', ')} of docs/protocol.md`,
    `  expected  ${safe(expected)}`,
    `  came      ${safe(came)}`,
    `  last frames (s, stream; -> from the agent, <- to it)`,
    ...frames.map((line) => `  ${safeLine(line)}`),
    ...(output.some((line) => line !== '')
      ? ['  last lines of the agent', ...output.map((line) => `    ${safe(line)}`)]
      : []),
  ].join('\n');
}

/** `54 passed, 1 failed, 2 unsupported` */
export function renderSummary(outcomes: readonly Outcome[]): string {
  const of = (verdict: Outcome['verdict']): number => outcomes.filter((outcome) => outcome.verdict === verdict).length;
  const unsupported = of('unsupported');
  const rest = unsupported === 0 ? '' : `, ${unsupported} unsupported`;
  return `${plural(outcomes.length, 'situation')}: ${of('pass')} passed, ${of('fail')} failed${rest}`;
}

/** `safe` would take the indent away. */
function safeLine(line: string): string {
  return line.slice(0, line.length - line.trimStart().length) + safe(line);
}

function shortTime(ms: number): string {
  const size = SIZES.find((candidate) => ms >= candidate.ms);
  return size === undefined ? '0ms' : `${(ms / size.ms).toFixed(size.unit === 's' ? 1 : 0)}${size.unit}`;
}
