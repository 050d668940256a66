/**
 * Flags over environment over one YAML file over defaults, checked and frozen. Everything that is wrong is said at once,
 * with where it stands and what was probably meant.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { z } from 'zod';
import { type Problem, YardmasterError } from '../../core/errors.ts';
import { nearest } from '../../core/nearest.ts';
import { type Config, settingPaths, settingsSchema } from './settings.ts';

const ENV_PREFIX = 'YARDMASTER_';
/** Variables of this program that are not settings of the control plane. */
const OTHER_VARIABLES = new Set(['YARDMASTER_URL', 'YARDMASTER_CONFIG', 'YARDMASTER_ACTOR']);
const FILE_BYTES_MAX = 1_024 * 1_024;

export interface ConfigSources {
  /** By path, such as `{'listen.port': 7421}`; undefined values are not set. */
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** A YAML file. Default: `YARDMASTER_CONFIG`, else none. */
  readonly file?: string;
}

interface Setting {
  readonly path: string;
  readonly value: unknown;
  /** For people: `--listen.port`, `YARDMASTER_LISTEN_PORT`, `yardmaster.yaml`. */
  readonly source: string;
}

/** Throws CONFIG_INVALID. */
export function loadConfig({ flags = {}, env = {}, file = env.YARDMASTER_CONFIG }: ConfigSources = {}): Config {
  const problems: Problem[] = [];
  const settings = [
    ...(file === undefined ? [] : readFile(file, problems)),
    ...readEnvironment(env, problems),
    ...readFlags(flags),
  ];
  const known = settings.filter((setting) => checkPath(setting, problems));
  const sources = new Map(known.map(({ path, source }) => [path, source]));
  const result = settingsSchema.safeParse(nest(known));
  if (!result.success) problems.push(...result.error.issues.map((issue) => toProblem(issue, sources)));
  if (result.success && problems.length === 0) return freeze(result.data);
  throw invalid(problems);
}

function readFlags(flags: Readonly<Record<string, unknown>>): readonly Setting[] {
  const given = Object.entries(flags).filter(([, value]) => value !== undefined);
  return given.map(([path, value]) => ({ path, value, source: `--${path}` }));
}

/** `YARDMASTER_LOSS_WINDOW` is `lossWindow`, `YARDMASTER_LISTEN_PORT` is `listen.port`. */
function readEnvironment(env: Readonly<Record<string, string | undefined>>, problems: Problem[]): readonly Setting[] {
  const byName = new Map(settingPaths.map((path) => [variableOf(path), path]));
  const settings: Setting[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(ENV_PREFIX) || OTHER_VARIABLES.has(name) || value === undefined) continue;
    const path = byName.get(name);
    if (path === undefined) problems.push(unknown(name, 'the environment', nearest(name, byName.keys())));
    else settings.push({ path, value, source: name });
  }
  return settings;
}

export function variableOf(path: string): string {
  return `${ENV_PREFIX}${path
    .replaceAll('.', '_')
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .toUpperCase()}`;
}

function readFile(file: string, problems: Problem[]): readonly Setting[] {
  const fail = (fact: string): readonly Setting[] => {
    problems.push({ code: 'CONFIG_INVALID', message: `"${file}": ${fact}`, place: { file } });
    return [];
  };
  try {
    const text = readFileSync(file, 'utf8');
    if (text.length > FILE_BYTES_MAX) return fail('is over 1 MiB');
    const value: unknown = parse(text, { maxAliasCount: 0 });
    return value === null ? [] : flatten(value, '', file);
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

/** Leaves by path. What is no mapping where a mapping belongs stays a leaf, and the schema says so. */
function flatten(value: unknown, path: string, source: string): readonly Setting[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [{ path, value, source }];
  return Object.entries(value).flatMap(([key, member]) =>
    flatten(member, path === '' ? key : `${path}.${key}`, source),
  );
}

function checkPath({ path, source, value }: Setting, problems: Problem[]): boolean {
  if (settingPaths.includes(path)) return true;
  // A leaf where a group belongs, such as `listen: 7420`: the schema says what it wants.
  if (settingPaths.some((known) => known.startsWith(`${path}.`)) && path !== '') return true;
  const subject = path === '' ? JSON.stringify(value) : path;
  problems.push(unknown(subject, source, nearest(path, settingPaths)));
  return false;
}

function unknown(subject: string, source: string, near: string | undefined): Problem {
  const hint = near === undefined ? '' : `; did you mean "${near}"?`;
  return { code: 'CONFIG_INVALID', message: `"${subject}" in ${source} is not a setting${hint}` };
}

/** Later ones win. */
function nest(settings: readonly Setting[]): object {
  const root: Record<string, unknown> = {};
  for (const { path, value } of settings) {
    const [group = '', key] = path.split('.');
    const inner = root[group];
    if (key === undefined) root[group] = value;
    else root[group] = typeof inner === 'object' && inner !== null ? { ...inner, [key]: value } : { [key]: value };
  }
  return root;
}

function toProblem(issue: z.core.$ZodIssue, sources: ReadonlyMap<string, string>): Problem {
  const path = issue.path.join('.');
  const source = sources.get(path);
  const where = source === undefined ? '' : ` in ${source}`;
  return { code: 'CONFIG_INVALID', message: `"${path}"${where}: ${issue.message}`, place: { pointer: path } };
}

function invalid(problems: readonly Problem[]): YardmasterError {
  const facts = problems.map(({ message }) => message).join('\n  ');
  const message = problems.length === 1 ? facts : `${problems.length} problems\n  ${facts}`;
  return new YardmasterError('CONFIG_INVALID', `Cannot read the configuration: ${message}`, {
    problems,
    next: `the settings are ${settingPaths.join(', ')}`,
  });
}

function freeze<T extends object>(value: T): Readonly<T> {
  for (const member of Object.values(value)) if (typeof member === 'object' && member !== null) freeze(member);
  return Object.freeze(value);
}
