/** Errors: the code, what could not be done and why, every problem with its place, and the way out. */
import { formatProblem } from '../../client/index.ts';
import type { Problem, YardmasterError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Style } from './style.ts';

export interface ErrorOptions {
  readonly style: Style;
  /** Also the stack and what caused it. */
  readonly verbose: boolean;
  /** Texts that problems may point into, by name. */
  readonly texts: ReadonlyMap<string, string>;
}

/** Problems printed; `lint` prints all. */
const PROBLEMS_MAX = 20;

export function renderError(error: YardmasterError, options: ErrorOptions): string {
  const { style, verbose } = options;
  const problems = error.problems.slice(0, PROBLEMS_MAX).map((problem) => renderProblem(problem, options));
  const more = error.problems.length - problems.length;
  const isTold = error.problems.length === 1;
  const own = [`error ${error.code}: ${lowerFirst(oneLine(error.message))}`];
  const next = error.next === undefined ? [] : [`  next: ${oneLine(error.next)}`];
  const [only] = error.problems;
  const lines = isTold ? [...problems, ...(only?.next === undefined ? next : [])] : [...problems, ...own, ...next];
  if (more > 0) lines.splice(problems.length, 0, `and ${more} more problems`);
  const text = lines.join('\n').replace(/^(?:error|warning) \S+?:/gm, (head) => style.paint(head, 'bad'));
  return verbose ? `${text}\n${stackOf(error)}` : text;
}

function renderProblem(problem: Problem, { texts }: ErrorOptions): string {
  const { place } = problem;
  return formatProblem(problem, place?.file === undefined ? undefined : texts.get(place.file));
}

/** Messages may quote what somebody else wrote. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not pass
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
}

function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}

function stackOf(error: YardmasterError): string {
  const stack = error.stack ?? error.message;
  return error.cause instanceof Error ? `${stack}\ncaused by ${error.cause.stack ?? error.cause.message}` : stack;
}

/** The same for programs: `{code, message, details, next}`. */
export function errorJson(error: YardmasterError): JsonObject {
  const problems = error.problems.map(({ code, message, place, next }) => ({
    code,
    message,
    ...(place === undefined ? {} : { place: { ...place } }),
    ...(next === undefined ? {} : { next }),
  }));
  return {
    code: error.code,
    message: error.message,
    details: { ...error.meta, ...(problems.length === 0 ? {} : { problems }) },
    ...(error.next === undefined ? {} : { next: error.next }),
  };
}
