/** A problem as the checks find it: by path, before anyone knows whether a text stands behind the value. */
import type { Place, Problem } from '../core/errors.ts';

export type Path = readonly (string | number)[];

export interface Finding {
  readonly code: string;
  /** What is wrong, the subject in quotes. */
  readonly message: string;
  readonly path: Path;
  /** Mark the member's name, not its value. */
  readonly onKey?: boolean;
  /** A part of the string at `path`, when the whole of it is not to blame. */
  readonly part?: { readonly offset: number; readonly length: number };
  readonly hint?: string;
  /** What the hint or the message speaks of; their lines are added where a text is known. */
  readonly see?: readonly Path[];
  readonly next?: string;
  readonly severity?: 'warn';
}

/** Finds places in a text. Without one, a problem has a pointer only. */
export interface Locator {
  placeOf(finding: Finding): Place | undefined;
  lineOf(path: Path): number | undefined;
}

const IDENTIFIER = /^[A-Za-z_]\w*$/;

/** `['steps', 2, 'parameters', 'a b']` -> `steps[2].parameters["a b"]`. */
export function formatPath(path: Path): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    if (!IDENTIFIER.test(key)) return `${text}[${JSON.stringify(key)}]`;
    return text === '' ? key : `${text}.${key}`;
  }, '');
}

export const withoutText: Locator = {
  placeOf: ({ path }) => (path.length === 0 ? undefined : { pointer: formatPath(path) }),
  lineOf: () => undefined,
};

export function toProblem(finding: Finding, locator: Locator): Problem {
  const lines = (finding.see ?? []).map((path) => locator.lineOf(path)).filter((line) => line !== undefined);
  const seen = lines.length === 0 ? '' : ` (line${lines.length > 1 ? 's' : ''} ${lines.join(', ')})`;
  const { hint, next, severity } = finding;
  const place = locator.placeOf(finding);
  return {
    code: finding.code,
    message: hint === undefined ? finding.message + seen : finding.message,
    ...(place === undefined ? {} : { place }),
    ...(hint === undefined ? {} : { hint: withLines(hint, seen) }),
    ...(next === undefined ? {} : { next }),
    ...(severity === undefined ? {} : { severity }),
  };
}

/** `did you mean "extract"?` -> `did you mean "extract" (line 8)?`. */
function withLines(hint: string, seen: string): string {
  return hint.endsWith('?') ? `${hint.slice(0, -1)}${seen}?` : hint + seen;
}
