import { glob, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { formatProblem, formatProblemLine, inspectWorkflow, type Problem } from '../../client/index.ts';
import { type Context, say } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { usageError } from '../options.ts';
import { isForPeople, printJson, printText } from '../print.ts';
import { readText } from '../read-workflow-file.ts';
import { plural } from '../render/text.ts';
import type { Bind } from './group.ts';

/** From the sources and from dist/ alike. */
const SCHEMA = fileURLToPath(new URL('../../../schema/workflow.json', import.meta.url));
/** The one member that every definition has. */
const STEPS = /^\s*["']?steps["']?\s*:/m;
/** A folder with more definitions than that is somebody's disk. */
const FILES_MAX = 10_000;

export function addLintCommand(program: Command, bind: Bind): void {
  program
    .command('lint <paths...>')
    .description('check definitions offline: what is wrong with them, and what looks wrong')
    .option('--strict', 'warnings count as problems')
    .addHelpText(
      'after',
      `\nEditors check while you type with this first line:\n  # yaml-language-server: $schema=${SCHEMA}`,
    )
    .action(bind(lint));
}

async function lint(context: Context, paths: readonly string[], flags: { readonly strict?: boolean }): Promise<number> {
  const files = (await Promise.all(paths.map(filesBelow))).flat();
  const counts = { file: 0, error: 0, warn: 0 };
  const found: ReturnType<typeof problemJson>[] = [];
  for (const file of files) {
    const text = await readText(context, file);
    // What lies in a folder may be anything; what was named is meant.
    if (!paths.includes(file) && !STEPS.test(text)) continue;
    counts.file += 1;
    const format = file.endsWith('.json') ? 'json' : 'yaml';
    const { errors, warnings } = inspectWorkflow({ text, file, format });
    if (isForPeople(context)) tell(context, { errors, warnings, text });
    else found.push(...[...errors, ...warnings].map(problemJson));
    counts.error += errors.length;
    counts.warn += warnings.length;
  }
  if (counts.file === 0) {
    throw usageError(`Cannot lint "${paths.join(' ')}": there is no .yaml, .yml or .json with "steps" in it`);
  }
  if (context.format === 'jsonl') for (const problem of found) printJson(context, problem);
  else if (!isForPeople(context)) printJson(context, { problems: found });
  const { error, warn } = counts;
  say(context, `${plural(error, 'problem')}, ${plural(warn, 'warning')} in ${plural(counts.file, 'file')}`);
  return error > 0 || (flags.strict === true && warn > 0) ? exitCodes.no : exitCodes.ok;
}

interface Findings {
  readonly errors: readonly Problem[];
  readonly warnings: readonly Problem[];
  readonly text: string;
}

/** Problems with a caret, warnings on one line. */
function tell(context: Context, { errors, warnings, text }: Findings): void {
  for (const problem of errors) printText(context, formatProblem(problem, text));
  for (const problem of warnings) printText(context, formatProblemLine(problem));
}

function problemJson({ code, message, place, next, severity, hint }: Problem) {
  return {
    severity: severity ?? 'error',
    code,
    message,
    ...(place === undefined ? {} : { ...place }),
    ...(hint === undefined ? {} : { hint }),
    ...(next === undefined ? {} : { next }),
  };
}

async function filesBelow(path: string): Promise<readonly string[]> {
  const stats = await stat(path).catch(() => undefined);
  if (stats?.isDirectory() !== true) return [path];
  const files: string[] = [];
  for await (const file of glob('**/*.{yaml,yml,json}', { cwd: path })) {
    files.push(join(path, file));
    if (files.length > FILES_MAX) throw usageError(`Cannot lint "${path}": it holds over ${FILES_MAX} files`);
  }
  return files.sort();
}
