/** Which runs a command is about, as options of the command line. */
import type { Command } from 'commander';
import { type RunFilter, runStatusNumber, WorkflowStatus } from '../client/index.ts';
import { parseDuration } from '../core/duration.ts';
import { nearest } from '../core/nearest.ts';
import { collect, readPairs, usageError } from './options.ts';

export interface FilterFlags {
  readonly workflow?: string;
  readonly status: readonly string[];
  readonly label: readonly string[];
  readonly since?: string;
  readonly until?: string;
  readonly stuck?: boolean;
  /** Not of a cancel: a run that is open has no failure yet. */
  readonly failureCode?: string;
  /** The full id of a run. */
  readonly parentRunId?: string;
}

export function addFilterOptions(command: Command): Command {
  return command
    .option('--workflow <name>', 'only of this workflow')
    .option(
      '--status <status>',
      'only with this status, such as RUNNING; may be repeated for any of several',
      collect,
      [],
    )
    .option('--label <key=value>', 'only with this label; may be repeated, and all must fit', collect, [])
    .option('--since <when>', 'only accepted then or later: 1h ago as 1h, or 2026-11-24T12:00Z')
    .option('--until <when>', 'only accepted before then')
    .option('--stuck', 'only open ones that do not go on');
}

export function readFilter(flags: FilterFlags, nowMs: number): RunFilter {
  const { workflow, status, label, since, until, failureCode, parentRunId, stuck } = flags;
  return {
    ...(workflow !== undefined && { workflow }),
    status: status.map(readStatus),
    labels: readPairs(label),
    ...(since !== undefined && { createdAfter: readWhen(since, nowMs) }),
    ...(until !== undefined && { createdBefore: readWhen(until, nowMs) }),
    ...(failureCode !== undefined && { failureCode }),
    ...(parentRunId !== undefined && { parentRunId }),
    ...(stuck === true && { stuck }),
  };
}

/** True when nothing was given. */
export function isFilterEmpty({ workflow, status, label, since, until, stuck }: FilterFlags): boolean {
  const single = [workflow, since, until, stuck];
  return status.length === 0 && label.length === 0 && single.every((value) => value === undefined);
}

function readStatus(text: string): WorkflowStatus {
  const name = text.toUpperCase().replace('-', '_');
  const known = Object.values(WorkflowStatus).filter((status) => runStatusNumber(status) !== undefined);
  const found = known.find((status) => status === name);
  if (found !== undefined) return found;
  const close = nearest(name, known);
  const hint = close === undefined ? `one of ${known.join(', ')}` : `did you mean ${close}?`;
  throw usageError(`Cannot find runs with status "${text}": there is no such status; ${hint}`);
}

/** So long ago, or a date with or without a time. */
function readWhen(text: string, nowMs: number): Date {
  const ago = parseDuration(text);
  const date = new Date(ago === undefined ? text : nowMs - ago);
  if (/^\d/.test(text) && !Number.isNaN(date.getTime())) return date;
  throw usageError(`Cannot read the time "${text}": it is not like 30m, 2d, 2026-11-24 or 2026-11-24T12:00Z`);
}
