/** Reads one object by its schema: what is valid is kept, every problem is reported with its path. */
import type { z } from 'zod';
import { limits } from '../core/limits.ts';
import { nearest } from '../core/nearest.ts';
import type { Finding, Path } from './finding.ts';
import { isRecord } from './json-copy.ts';

export interface FieldReading {
  /** `step "clean"`, `workflow "Nightly"`. */
  readonly subject: string;
  readonly path: Path;
  readonly required: readonly string[];
  readonly later: ReadonlySet<string>;
  /** Answers for names that are wrong here but not elsewhere. */
  readonly hints?: Readonly<Record<string, string>>;
  report(finding: Finding): void;
}

/** The valid members; undefined members of `value` count as absent. */
export function readFields<Schema extends z.ZodObject>(
  schema: Schema,
  value: Source,
  reading: FieldReading,
): z.output<Schema> {
  const present = Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined));
  for (const name of reading.required) {
    if (!Object.hasOwn(present, name)) reading.report(missingField(name, reading));
  }
  return keepValid(schema, present, (issue) => reportIssue(issue, present, Object.keys(schema.shape), reading));
}

type Source = Readonly<Record<string, unknown>>;

/** Leaves out the members with issues until the rest is valid; the empty object is. */
function keepValid<Schema extends z.ZodObject>(
  schema: Schema,
  value: Source,
  onIssue: (issue: z.core.$ZodIssue) => void,
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  issues.forEach(onIssue);
  const wrong = new Set(issues.flatMap(membersOf));
  const valid = Object.fromEntries(Object.entries(value).filter(([key]) => !wrong.has(key)));
  return keepValid(schema, valid, onIssue);
}

function membersOf(issue: z.core.$ZodIssue): readonly string[] {
  return issue.code === 'unrecognized_keys' && issue.path.length === 0 ? issue.keys : [String(issue.path[0])];
}

function missingField(name: string, reading: FieldReading): Finding {
  return {
    code: 'MISSING_FIELD',
    message: `${reading.subject} has no "${name}"`,
    path: reading.path,
    next: `add ${name}`,
  };
}

function reportIssue(issue: z.core.$ZodIssue, value: unknown, known: readonly string[], reading: FieldReading): void {
  const path = issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key));
  if (issue.code === 'unrecognized_keys') {
    const names = path.length === 0 ? known : RETRY_FIELDS;
    for (const key of issue.keys.slice(0, limits.problemsMax)) reading.report(unknownField(key, path, names, reading));
    return;
  }
  const name = path.map(String).join('.');
  const given = valueAt(value, path);
  const near =
    issue.code === 'invalid_value' && typeof given === 'string' ? nearest(given, issue.values.map(String)) : undefined;
  reading.report({
    code: 'BAD_FIELD',
    message: `${reading.subject}: "${name}"${issue.message.startsWith(':') ? '' : ' '}${issue.message}`,
    path: [...reading.path, ...path],
    ...(near === undefined ? {} : { hint: `did you mean "${near}"?` }),
  });
}

const RETRY_FIELDS = [
  'tries',
  'backoff',
  'factor',
  'maxBackoff',
  'jitter',
  'nonRetryable',
  'onDifferentAgent',
  'onAssert',
];

function unknownField(key: string, inside: Path, known: readonly string[], reading: FieldReading): Finding {
  const at = { path: [...reading.path, ...inside, key], onKey: true };
  if (inside.length === 0 && reading.later.has(key)) {
    return { code: 'NOT_SUPPORTED', message: `${reading.subject}: "${key}" is not supported in this version`, ...at };
  }
  const near = nearest(key, known);
  const own = reading.hints !== undefined && Object.hasOwn(reading.hints, key) ? reading.hints[key] : undefined;
  const hint = own ?? (near === undefined ? undefined : `did you mean "${near}"?`);
  const message = `${reading.subject} has an unknown field "${[...inside, key].join('.')}"`;
  return { code: 'UNKNOWN_FIELD', message, ...at, ...(hint === undefined ? {} : { hint }) };
}

function valueAt(value: unknown, path: Path): unknown {
  let current = value;
  for (const key of path) {
    if (Array.isArray(current) && typeof key === 'number') current = current[key];
    else if (isRecord(current) && Object.hasOwn(current, key)) current = current[String(key)];
    else return undefined;
  }
  return current;
}
