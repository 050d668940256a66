/**
 * Flags over environment over one YAML file over defaults, checked and frozen. Everything that is wrong is said at once,
 * with where it stands and what was probably meant.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { z } from 'zod';
import { type Problem, YardmasterError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import { nearest } from '../../core/nearest.ts';
import {
  type Config,
  flagOf,
  otherVariables,
  SECRET_VARIABLES,
  settingPaths,
  settingsSchema,
  variableOf,
} from './settings.ts';

const ENV_PREFIX = 'YARDMASTER_';
const PREFIX_PATH = 'secrets.prefix';

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
  /** For people: `--port`, `YARDMASTER_LISTEN_PORT`, `yardmaster.yaml`. */
  readonly source: string;
}

/** Throws CONFIG_INVALID. */
export function loadConfig({ flags = {}, env = {}, file = env.YARDMASTER_CONFIG }: ConfigSources = {}): Config {
  const problems: Problem[] = [];
  const inFile = file === undefined ? [] : readFile(file, problems);
  const settings = [...inFile, ...readEnvironment(env, secretPrefix(env, inFile), problems), ...readFlags(flags)];
  const known = settings.filter((setting) => checkPath(setting, problems));
  const sources = new Map(known.map(({ path, source }) => [path, source]));
  const result = settingsSchema.safeParse(nest(known));
  if (!result.success) problems.push(...result.error.issues.map((issue) => toProblem(issue, sources)));
  if (result.success && problems.length === 0) return freeze(result.data);
  throw invalid(problems);
}

function readFlags(flags: Readonly<Record<string, unknown>>): readonly Setting[] {
  const given = Object.entries(flags).filter(([, value]) => value !== undefined);
  return given.map(([path, value]) => ({ path, value, source: flagOf(path) }));
}

/** Secrets may begin as settings do. */
function secretPrefix(env: Readonly<Record<string, string | undefined>>, inFile: readonly Setting[]): string {
  const value = env[variableOf(PREFIX_PATH)] ?? inFile.find(({ path }) => path === PREFIX_PATH)?.value;
  return typeof value === 'string' && value !== '' ? value : SECRET_VARIABLES;
}

function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  secrets: string,
  problems: Problem[],
): readonly Setting[] {
  const byName = new Map(settingPaths.map((path) => [variableOf(path), path]));
  const settings: Setting[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(ENV_PREFIX) || Object.hasOwn(otherVariables, name) || value === undefined) continue;
    const path = byName.get(name);
    if (path === undefined && name.startsWith(secrets)) continue;
    if (path === undefined) problems.push(unknown(name, 'the environment', nearest(name, byName.keys())));
    else settings.push({ path, value, source: name });
  }
  return settings;
}

function readFile(file: string, problems: Problem[]): readonly Setting[] {
  const fail = (fact: string): readonly Setting[] => {
    problems.push({ code: 'CONFIG_INVALID', message: `"${file}": ${fact}`, place: { file } });
    return [];
  };
  try {
    const text = readFileSync(file, 'utf8');
    if (text.length > limits.configFileBytesMax) return fail('is over 1 MiB');
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
  return { code: 'CONFIG_INVALID', message: `"${path}"${where} ${issue.message}` };
}

function invalid(problems: readonly Problem[]): YardmasterError {
  const [first] = problems;
  const fact = problems.length === 1 && first !== undefined ? first.message : `${problems.length} problems`;
  return new YardmasterError('CONFIG_INVALID', `Cannot read the configuration: ${fact}`, {
    problems,
    next: `the settings are ${settingPaths.join(', ')}`,
  });
}

function freeze<T extends object>(value: T): Readonly<T> {
  for (const member of Object.values(value)) if (typeof member === 'object' && member !== null) freeze(member);
  return Object.freeze(value);
}
