import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuditQuery, AuditRow, Store } from '../../src/control-plane/store/index.ts';
import { failureOf } from './store/failure.ts';
import { aBatch, aJournal, anEntry, aRun, auditId, aWorkflow, insert, NOW, runId } from './store/rows.ts';
import { type World, worlds } from './store/worlds.ts';

const ada = { actor: 'ada', userAgent: 'curl/8', address: '10.0.0.7' };
const nobody = { actor: undefined, userAgent: '', address: '' };
/** A run whose id is of `ms` after NOW. */
const runAt = (ms: number, fields: Parameters<typeof aRun>[1] = {}) =>
  aRun(0, { runId: `${auditId(ms).slice(0, -1)}0`, queuedAt: NOW + ms, ...fields });

describe.each(worlds)('the store contract, audit log: $name', ({ create }) => {
  let world: World;
  let store: Store;
  let epoch: number;

  beforeEach(async () => {
    world = create();
    ({ store, epoch } = await world.open());
  });
  afterEach(() => world.end());

  const list = (query: Partial<AuditQuery> = {}): Promise<readonly AuditRow[]> =>
    store.listAudit({ namespace: 'default', from: '', before: '', limit: 10, ...query });
  const times = async (query: Partial<AuditQuery> = {}): Promise<number[]> =>
    (await list(query)).map(({ at }) => at - NOW);

  it('answers an entry as it was written, also after a restart', async () => {
    const entry = anEntry(1, {
      caller: ada,
      requestId: 'q',
      errorCode: 'RUN_NOT_FOUND',
      details: { reason: 'a "b"\n' },
    });
    await store.commit(aBatch(epoch, { audit: [entry, anEntry(2, { caller: nobody })] }));
    await world.crash();
    ({ store } = await world.open());
    expect(await list()).toStrictEqual([anEntry(2, { caller: nobody }), entry]);
  });

  it('makes the entry of a start from the row of its run', async () => {
    await store.commit(aBatch(epoch, insert(aRun(1, { caller: ada, requestId: 'q', labels: { a: 'b' } }))));
    expect(await list()).toStrictEqual([
      {
        id: runId(1),
        at: NOW + 1,
        namespace: 'default',
        caller: ada,
        action: 'run.start',
        subjectKind: 'RUN',
        subject: runId(1),
        workflow: 'etl',
        version: 1,
        requestId: 'q',
        errorCode: '',
        details: {},
      },
    ]);
    expect((await store.getRun('default', runId(1)))?.caller).toStrictEqual(ada);
  });

  describe('a list', () => {
    beforeEach(() =>
      store.commit(
        aBatch(epoch, {
          ...insert(runAt(1), runAt(4, { caller: ada, workflow: 'other' }), runAt(6, { namespace: 'tenant' })),
          audit: [
            anEntry(2, { subject: runAt(1).runId }),
            anEntry(3, { caller: ada, action: 'workflow.register', subjectKind: 'WORKFLOW', subject: 'etl' }),
            anEntry(5, {
              action: 'run.start',
              subjectKind: 'WORKFLOW',
              subject: 'nope',
              workflow: 'nope',
              errorCode: 'X',
            }),
            anEntry(7, { namespace: 'tenant' }),
          ],
        }),
      ),
    );

    it('has starts and all else newest first, a page at a time, of one namespace', async () => {
      expect(await times({ limit: 2 })).toEqual([5, 4]);
      expect(await times({ limit: 2, before: runAt(4).runId })).toEqual([3, 2]);
      expect(await times({ before: auditId(2) })).toEqual([1]);
      expect(await times({ namespace: 'tenant' })).toEqual([7, 6]);
    });

    it('filters by action; refused starts are starts', async () => {
      expect(await times({ action: 'run.start' })).toEqual([5, 4, 1]);
      expect(await times({ action: 'run.cancel' })).toEqual([2]);
    });

    it('filters by run, and by workflow with all its runs', async () => {
      expect(await times({ subject: runAt(1).runId })).toEqual([2, 1]);
      expect(await times({ subject: 'etl' })).toEqual([3, 2, 1]);
      expect(await times({ subject: 'etl', action: 'run.cancel' })).toEqual([2]);
      expect(await times({ subject: 'nope' })).toEqual([5]);
    });

    it('filters by actor, and by callers without a name', async () => {
      expect(await times({ actor: 'ada' })).toEqual([4, 3]);
      expect(await times({ actor: 'ada', subject: 'etl' })).toEqual([3]);
      expect(await times({ actor: null })).toEqual([5, 2, 1]);
      expect(await times({ actor: 'bob' })).toEqual([]);
    });

    it('filters by time, which is in the ids', async () => {
      expect(await times({ from: auditId(2), before: auditId(4) })).toEqual([4, 3, 2]);
    });
  });

  it('has an entry of a registration only when it made a version, with its number', async () => {
    const register = (hash: string, ms: number) => {
      const entry = anEntry(ms, { action: 'workflow.register', subjectKind: 'WORKFLOW', subject: 'etl', version: 0 });
      return store.putWorkflow(aWorkflow('etl', hash), entry);
    };
    await register('h1', 1);
    await register('h1', 2);
    await register('h2', 3);
    expect((await list()).map(({ at, version }) => [at - NOW, version])).toEqual([
      [3, 2],
      [1, 1],
    ]);
  });

  it('has no entry of a batch that was refused', async () => {
    await store.commit(aBatch(epoch, { journal: [aJournal(1, 0, 'a')] }));
    const refused = aBatch(epoch, { journal: [aJournal(1, 0, 'a')], audit: [anEntry(1)] });
    expect(await failureOf(store.commit(refused))).toBe('CONFLICT');
    expect(await list()).toEqual([]);
  });

  it('ignores an entry that is there already: its command was decided again', async () => {
    await store.commit(aBatch(epoch, { audit: [anEntry(1)] }));
    await store.commit(aBatch(epoch, { audit: [anEntry(1), anEntry(2)] }));
    expect(await times()).toEqual([2, 1]);
  });

  it('prunes entries by age, a few at a time, the oldest first; a start goes with its run', async () => {
    const over = { status: 'COMPLETED', endedAt: NOW + 5 } as const;
    await store.commit(
      aBatch(epoch, { ...insert(runAt(0, over), runAt(1)), audit: [4, 2, 3, 5].map((ms) => anEntry(ms)) }),
    );
    expect(await store.prune(NOW + 5, 2)).toEqual({ runs: 0, isMore: true });
    expect(await times()).toEqual([5, 4, 1, 0]);
    expect(await store.prune(NOW + 5, 2)).toEqual({ runs: 0, isMore: false });
    expect(await times()).toEqual([5, 1, 0]);
    expect(await store.prune(NOW + 6, 9)).toEqual({ runs: 1, isMore: false });
    expect(await times()).toEqual([1]);
  });
});
