/** Filters of runs, and the page tokens that belong to them. */
import { YardmasterError } from '../../../core/errors.ts';
import { firstUlidAt } from '../../../core/ids.ts';
import { limits } from '../../../core/limits.ts';
import { hash32 } from '../../../core/random.ts';
import type { RunFilter as WireFilter } from '../../../gen/yardmaster/v1/run_filter_pb.ts';
import { RunStatus } from '../../../gen/yardmaster/v1/run_pb.ts';
import type { RunStatus as DomainStatus } from '../../engine/status.ts';
import type { RunFilter } from '../../store/port.ts';
import { enumReader } from './enums.ts';
import type { Faults } from './faults.ts';
import { writeToken } from './paging.ts';
import { readLabels, readName, readRunWorkflow } from './text.ts';
import { readTime } from './times.ts';

export interface ReadFilter extends RunFilter {
  /** Ids below this one were made before `created_before`; '': no bound. */
  readonly before: string;
}

const readStatus = enumReader(RunStatus, 'UNKNOWN');

export function readRunFilter(faults: Faults, wire: WireFilter | undefined): ReadFilter {
  if (wire === undefined) return { before: '' };
  const statuses = readStatuses(faults, wire.statuses);
  const labels = readFilterLabels(faults, wire.labels);
  const createdAfter = readTime(faults, 'filter.created_after', wire.createdAfter);
  const createdBefore = readTime(faults, 'filter.created_before', wire.createdBefore);
  if (wire.failureCode.length > limits.failureCodeCharsMax) {
    faults.add('filter.failure_code', `has more than ${limits.failureCodeCharsMax} characters`);
  }
  return {
    ...(wire.workflow !== '' && { workflow: readRunWorkflow(faults, 'filter.workflow', wire.workflow) }),
    ...(statuses.length > 0 && { statuses }),
    ...(Object.keys(labels).length > 0 && { labels }),
    ...(wire.failureCode !== '' && { failureCode: wire.failureCode }),
    ...(wire.parentRunId !== '' && { parentRunId: readName(faults, 'filter.parent_run_id', wire.parentRunId) }),
    ...(wire.stuck && { stuck: true }),
    ...(createdAfter !== undefined && { from: firstUlidAt(createdAfter) }),
    before: createdBefore === undefined ? '' : firstUlidAt(createdBefore),
  };
}

export interface BulkStatuses {
  readonly allowed: readonly DomainStatus[];
  /** Default: all that are allowed. */
  readonly usual?: readonly DomainStatus[];
}

/**
 * The filter of a bulk action on runs with one of the statuses `allowed`; without statuses it is for the `usual` ones. Nobody means all
 * runs by leaving everything out.
 */
export function readBulkFilter(
  faults: Faults,
  wire: WireFilter | undefined,
  { allowed, usual = allowed }: BulkStatuses,
): ReadFilter {
  const filter = readRunFilter(faults, wire);
  const { before, statuses = usual, ...conditions } = filter;
  const isEmpty = before === '' && filter.statuses === undefined && Object.keys(conditions).length === 0;
  if (isEmpty) faults.add('filter', `has no condition; for all of them give the statuses ${usual.join(', ')}`);
  const others = statuses.filter((status) => !allowed.includes(status));
  if (others.length > 0) faults.add('filter.statuses', `${others.join(', ')} is none of ${allowed.join(', ')}`);
  return { ...filter, statuses };
}

function readStatuses(faults: Faults, wire: readonly RunStatus[]) {
  const statuses = [...new Set(wire)].map(readStatus);
  // Left out, it would let through what the caller did not ask for.
  if (statuses.includes('UNKNOWN')) faults.add('filter.statuses', 'has something that is not a status of a run');
  return statuses.filter((status) => status !== 'UNKNOWN');
}

function readFilterLabels(faults: Faults, wire: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const count = Object.keys(wire).length;
  if (count > limits.filterLabelsMax) {
    faults.add('filter.labels', `has ${count} labels; at most ${limits.filterLabelsMax} are allowed`);
    return {};
  }
  return readLabels(faults, 'filter.labels', wire);
}

/** The id below which the page begins; '': the first page. Throws PAGE_TOKEN_MISMATCH for a token of another filter. */
export function readRunsToken(key: string, filter: ReadFilter): string {
  if (key === '') return '';
  const [owner, runId = ''] = key.split('.');
  if (owner === ownerOf(filter)) return runId;
  throw new YardmasterError('PAGE_TOKEN_MISMATCH', 'Cannot list runs: "page_token" is of a page with another filter', {
    next: 'repeat the filter of the page before, or leave the token out',
  });
}

export function writeRunsToken(next: string, filter: ReadFilter): string {
  return next === '' ? '' : writeToken(`${ownerOf(filter)}.${next}`);
}

/** Tells filters apart, whatever the order of their parts. A mix-up, not a forger, is what this is for. */
function ownerOf({
  workflow,
  statuses = [],
  labels = {},
  failureCode,
  parentRunId,
  from,
  before,
  stuck = false,
}: ReadFilter): string {
  const conditions = [workflow, [...statuses].sort(), Object.entries(labels).sort(), failureCode, parentRunId];
  const parts = [...conditions, from, before, stuck];
  return hash32(JSON.stringify(parts)).toString(36);
}
