/** How a problem is printed: the code, the place, the line with a caret, the way out. */
import type { Problem } from '../core/errors.ts';

/** Longer lines are cut around the caret. */
const LINE_CHARS = 120;

/**
 * The problem in the error grammar of the CLI, several lines without a final newline. `text` is what was read; without
 * it there is no caret line.
 */
export function formatProblem(problem: Problem, text?: string): string {
  const { place, hint, next } = problem;
  const caret = text === undefined ? [] : caretLines(problem, text);
  const spoken = caret.length === 0 && hint !== undefined ? ` (${hint})` : '';
  return [
    `${problem.severity === 'warn' ? 'warning' : 'error'} ${problem.code}: ${problem.message}${spoken}`,
    ...(place === undefined ? [] : placeLine(problem)),
    ...caret,
    ...(next === undefined ? [] : [`  next: ${next}`]),
  ].join('\n');
}

/** The one-line form of lint: `nightly.yaml:9:3 warn no-timeout: ... next: ...`. */
export function formatProblemLine(problem: Problem): string {
  const where = placeText(problem);
  const level = problem.severity ?? 'error';
  const hint = problem.hint === undefined ? '' : ` (${problem.hint})`;
  const next = problem.next === undefined ? '' : `. next: ${problem.next}`;
  return `${where === '' ? '' : `${where} `}${level} ${problem.code}: ${problem.message}${hint}${next}`;
}

function placeLine(problem: Problem): readonly string[] {
  const where = placeText(problem);
  return where === '' ? [] : [`  ${where}`];
}

function placeText({ place }: Problem): string {
  if (place?.line === undefined) return place?.pointer ?? '';
  return `${place.file ?? 'line'}:${place.line}:${place.column ?? 1}`;
}

function caretLines({ place, hint }: Problem, text: string): readonly string[] {
  if (place?.line === undefined || place.column === undefined) return [];
  const line = text.split('\n')[place.line - 1]?.replace(/\r$/, '');
  if (line === undefined) return [];
  const from = Math.max(0, place.column - 1 - LINE_CHARS / 2);
  const shown = line.slice(from, from + LINE_CHARS);
  const number = String(place.line);
  const before = shown.slice(0, place.column - 1 - from).replace(/[^\t]/g, ' ');
  const carets = '^'.repeat(Math.max(1, Math.min(place.length ?? 1, shown.length - before.length)));
  const said = hint === undefined ? '' : ` ${hint}`;
  return [`  ${number} | ${shown}`, `  ${' '.repeat(number.length)} | ${before}${carets}${said}`];
}
