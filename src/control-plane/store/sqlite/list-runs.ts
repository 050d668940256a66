/**
 * Pages of runs. Every condition has an index that gives its run ids in order, so a page walks along one of them, the newest
 * first, and checks the other conditions run by run.
 *
 * 1. The index of the rarest condition is walked. The *floor* of a condition is the id at which `runsLookedAtMax` newer runs have met
 *    it: the further back it lies, the rarer the condition, and counting so far costs next to nothing.
 * 2. A page ends at the floor at the latest, full or not: no mixture of conditions makes a read long.
 */
import type { StatementSync } from 'node:sqlite';
import { limits } from '../../../core/limits.ts';
import type { RunPage, RunQuery } from '../port.ts';
import { toRunRow, WALKED_RUN_COLUMNS } from './rows.ts';

type Values = Readonly<Record<string, string | number>>;

/** Entries of an index, as `walked`, that have one thing in common; they are in order of the run id. */
interface Index {
  readonly from: string;
  readonly where: string;
}

/** One condition: as an index to walk, and as a check of a run that another index gave. */
interface Condition {
  /** More than one: the condition holds where any does. */
  readonly indexes: readonly Index[];
  readonly check: string;
  readonly values: Values;
}

/** Above every run id. */
const TOP = '~';
const RANGE = 'walked.namespace = :namespace AND walked.run_id >= :from AND walked.run_id < :before';

export function listRuns(prepare: (sql: string) => StatementSync, query: RunQuery): RunPage {
  const { limit } = query;
  const range = { namespace: query.namespace, from: query.from ?? '', before: query.before || TOP };
  const conditions = conditionsOf(query);
  const floorOf = ({ indexes, values }: Condition): string => {
    const row = prepare(floorSql(indexes)).get({ ...range, ...values });
    return row === undefined ? '' : String(row.runId);
  };
  const [only] = conditions;
  // What meets a single condition is what was asked for: there is nothing to pass over.
  const walk =
    conditions.length === 1 && only !== undefined
      ? { condition: only, floor: '' }
      : rarest(conditions.map((condition) => ({ condition, floor: floorOf(condition) })));
  const rows = prepare(pageSql(walk.condition, conditions)).all({
    ...range,
    ...Object.assign({}, ...conditions.map(({ values }) => values)),
    from: walk.floor || range.from,
    limit: limit + 1,
  });
  const runs = rows.slice(0, limit).map(toRunRow);
  return { runs, next: rows.length > limit ? (runs.at(-1)?.runId ?? '') : walk.floor };
}

function conditionsOf({
  workflow,
  statuses = [],
  labels = {},
  failureCode,
  parentRunId,
}: RunQuery): readonly Condition[] {
  const conditions: Condition[] = [];
  if (parentRunId !== undefined) {
    conditions.push({
      indexes: [indexOfRuns('runs_parent', 'walked.parent_run_id = :parentRunId')],
      check: 'runs.parent_run_id = :parentRunId',
      values: { parentRunId },
    });
  }
  if (failureCode !== undefined) {
    conditions.push({
      indexes: [indexOfRuns('runs_failure', 'walked.failure_code = :failureCode')],
      check: 'runs.failure_code = :failureCode',
      values: { failureCode },
    });
  }
  Object.entries(labels).forEach(([name, value], i) => {
    const is = `name = :name${i} AND value = :value${i}`;
    conditions.push({
      indexes: [{ from: 'labels AS walked', where: is }],
      check: `EXISTS (SELECT 1 FROM labels WHERE namespace = :namespace AND ${is} AND run_id = walked.run_id)`,
      values: { [`name${i}`]: name, [`value${i}`]: value },
    });
  });
  if (statuses.length > 0) {
    const names = statuses.map((_, i) => `:status${i}`);
    conditions.push({
      indexes: names.map((name) => indexOfRuns('runs_status', `walked.status = ${name}`)),
      check: `runs.status IN (${names.join(', ')})`,
      values: Object.fromEntries(statuses.map((status, i) => [`status${i}`, status])),
    });
  }
  if (workflow !== undefined) {
    conditions.push({
      indexes: [indexOfRuns('runs_workflow', 'walked.workflow = :workflow')],
      check: 'runs.workflow = :workflow',
      values: { workflow },
    });
  }
  if (conditions.length > 0) return conditions;
  return [{ indexes: [indexOfRuns('runs_newest', 'TRUE')], check: 'TRUE', values: {} }];
}

function indexOfRuns(name: string, where: string): Index {
  return { from: `runs AS walked INDEXED BY ${name}`, where };
}

interface Walk {
  readonly condition: Condition;
  readonly floor: string;
}

/** There is at least one. */
function rarest(walks: readonly Walk[]): Walk {
  return walks.reduce((best, walk) => (walk.floor < best.floor ? walk : best));
}

function floorSql(indexes: readonly Index[]): string {
  const selects = indexes.map(
    ({ from, where }) => `SELECT walked.run_id AS runId FROM ${from} WHERE ${where} AND ${RANGE}`,
  );
  return `${selects.join(' UNION ALL ')} ORDER BY runId DESC LIMIT 1 OFFSET ${limits.runsLookedAtMax - 1}`;
}

function pageSql(walked: Condition, conditions: readonly Condition[]): string {
  const checks = conditions.filter((condition) => condition !== walked).map(({ check }) => check);
  const selects = walked.indexes.map(({ from, where }) => {
    // CROSS JOIN: the left side is walked, whatever SQLite thinks of it.
    const joined = `${from} CROSS JOIN runs ON runs.run_id = walked.run_id`;
    return `SELECT ${WALKED_RUN_COLUMNS} FROM ${joined} WHERE ${[where, RANGE, ...checks].join(' AND ')}`;
  });
  return `${selects.join(' UNION ALL ')} ORDER BY runId DESC LIMIT :limit`;
}
