/**
 * The audit log as it is read: rows of `audit`, and `runs` for the starts. Every question follows one index from its newest end;
 * which one is said, because without statistics SQLite takes the one of the namespace for all of them.
 */
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { asksForStarts, mergeNewest, startEntry } from '../audit-entries.ts';
import type { AuditQuery, AuditRow } from '../port.ts';
import { AUDIT_COLUMNS, type Columns, RUN_COLUMNS, toAuditRow, toRunRow } from './rows.ts';

/** Above every id: digits and small letters. */
const AFTER_ALL = '~';

interface Condition {
  readonly sql: string;
  readonly values: readonly SQLInputValue[];
  /** That finds what fits. */
  readonly index?: string;
}

interface Source {
  readonly select: string;
  readonly id: string;
  /** Of the namespace. */
  readonly index: string;
}

const ROWS: Source = { select: `SELECT ${AUDIT_COLUMNS} FROM audit`, id: 'id', index: 'audit_newest' };
const STARTS: Source = { select: `SELECT ${RUN_COLUMNS} FROM runs`, id: 'run_id', index: 'runs_newest' };

export class AuditQueries {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  list(query: AuditQuery): readonly AuditRow[] {
    const lists = rowQuestions(query).map((conditions) => this.#read(ROWS, query, conditions).map(toAuditRow));
    if (asksForStarts(query)) {
      for (const conditions of startQuestions(query)) {
        lists.push(this.#read(STARTS, query, conditions).map((row) => startEntry(toRunRow(row))));
      }
    }
    return mergeNewest(lists, query.limit);
  }

  /** Seldom asked, by people: prepared each time. The first condition with an index leads. */
  #read({ select, id, index }: Source, query: AuditQuery, conditions: readonly Condition[]): readonly Columns[] {
    const { namespace, from, before, limit } = query;
    const lead = conditions.find((condition) => condition.index !== undefined)?.index ?? index;
    const all: readonly Condition[] = [
      { sql: 'namespace = ?', values: [namespace] },
      ...conditions,
      { sql: `${id} >= ? AND ${id} < ?`, values: [from, before === '' ? AFTER_ALL : before] },
    ];
    const where = all.map(({ sql }) => sql).join(' AND ');
    const values = all.flatMap((condition) => condition.values);
    const sql = `${select} INDEXED BY ${lead} WHERE ${where} ORDER BY ${id} DESC LIMIT ?`;
    return this.#db.prepare(sql).all(...values, limit);
  }
}

/** An OR would sort all that fits: two questions instead, none of whose answers are the same. */
function rowQuestions({ action, subject, actor }: AuditQuery): readonly (readonly Condition[])[] {
  const others = [
    ...actorConditions(actor, 'audit_actor'),
    ...(action === undefined ? [] : [{ sql: 'action = ?', values: [action], index: 'audit_action' }]),
  ];
  if (subject === undefined) return [others];
  const isSubject = { sql: 'subject = ?', values: [subject], index: 'audit_subject' };
  const isOfWorkflow = { sql: 'workflow = ? AND subject <> ?', values: [subject, subject], index: 'audit_workflow' };
  return [
    [isSubject, ...others],
    [isOfWorkflow, ...others],
  ];
}

function startQuestions({ subject, actor }: AuditQuery): readonly (readonly Condition[])[] {
  // Most starts may have no name: they are not in the index of names.
  const others = actorConditions(actor, actor === null ? undefined : 'runs_actor');
  if (subject === undefined) return [others];
  return [
    [{ sql: 'run_id = ?', values: [subject], index: 'runs_newest' }, ...others],
    [{ sql: 'workflow = ?', values: [subject], index: 'runs_workflow' }, ...others],
  ];
}

function actorConditions(actor: AuditQuery['actor'], index: string | undefined): readonly Condition[] {
  const lead = index === undefined ? {} : { index };
  if (actor === undefined) return [];
  return actor === null
    ? [{ sql: 'actor IS NULL', values: [], ...lead }]
    : [{ sql: 'actor = ?', values: [actor], ...lead }];
}
