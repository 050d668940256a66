import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import type { AuditQuery } from '../../../src/control-plane/store/port.ts';
import { AuditQueries } from '../../../src/control-plane/store/sqlite/audit-queries.ts';
import { migrate } from '../../../src/control-plane/store/sqlite/migrate.ts';

/** How SQLite answers each question that `query` becomes; what it says of labels is left out. */
function plansOf(query: Partial<AuditQuery>): readonly string[] {
  const db = new DatabaseSync(':memory:');
  migrate(db, ':memory:');
  const plans: string[] = [];
  const prepare = (sql: string) => {
    const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`);
    return {
      all: (...values: Parameters<typeof plan.all>) => {
        plans.push(...plan.all(...values).map(({ detail }) => String(detail)));
        return [];
      },
    };
  };
  // Only `prepare(...).all(...)` is used of a database.
  const queries = new AuditQueries({ prepare } as unknown as DatabaseSync);
  queries.list({ namespace: 'default', from: '', before: '', limit: 10, ...query });
  return plans.filter((plan) => !plan.includes('labels') && !plan.includes('SUBQUERY'));
}

it.each<[Partial<AuditQuery>, readonly string[]]>([
  [{}, ['audit_newest (namespace=? AND id>?', 'runs_newest (namespace=? AND run_id>?']],
  [{ action: 'run.cancel' }, ['audit_action (namespace=? AND action=? AND id>?']],
  [
    { actor: 'ada' },
    ['audit_actor (namespace=? AND actor=? AND id>?', 'runs_actor (namespace=? AND actor=? AND run_id>?'],
  ],
  [
    { subject: 'etl' },
    [
      'audit_subject (namespace=? AND subject=? AND id>?',
      'audit_workflow (namespace=? AND workflow=? AND id>?',
      'runs_newest (namespace=? AND run_id=?',
      'runs_workflow (namespace=? AND workflow=? AND run_id>?',
    ],
  ],
])('follows an index for every part of %o, and sorts nothing', (query, indexes) => {
  const plans = plansOf(query);
  expect(plans.join('\n')).not.toMatch(/SCAN|TEMP B-TREE/);
  expect(plans).toHaveLength(indexes.length);
  for (const [i, index] of indexes.entries()) expect(plans[i]).toContain(`USING INDEX ${index}`);
});
