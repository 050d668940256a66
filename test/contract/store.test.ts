import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store } from '../../src/control-plane/store/index.ts';
import { failureOf } from './store/failure.ts';
import { aBatch, aJournal, aRun, aTask, aWorkflow, insert, NOW, runId } from './store/rows.ts';
import { type World, worlds } from './store/worlds.ts';

describe.each(worlds)('the store contract: $name', ({ create }) => {
  let world: World;
  let store: Store;
  let epoch: number;

  async function open(): Promise<void> {
    ({ store, epoch } = await world.open());
  }

  beforeEach(async () => {
    world = create();
    await open();
  });
  afterEach(() => world.end());

  describe('commit', () => {
    it('makes every kind of row readable', async () => {
      const labels = { team: 'a', ['__proto__']: 'x' };
      const run = aRun(1, { requestId: 'q1', labels, priority: 'critical', status: 'RUNNING' });
      const task = aTask(1, 'extract', 1, { state: 'leased', agentId: 'a', instanceId: 'i', dueAt: NOW + 0.25 });
      const event = { at: NOW, agentId: 'a', instanceId: 'i', kind: 'READY', message: 'said hello' };
      const blob = { runId: runId(1), blobId: 'b1', bytes: Uint8Array.of(1, 2, 3) };
      await store.commit(
        aBatch(epoch, {
          ...insert(run),
          journal: [aJournal(1, 0, 'extract', 'transform')],
          tasks: [task],
          blobs: [blob],
          agentEvents: [event],
        }),
      );
      expect(await store.getRun('default', runId(1))).toStrictEqual(run);
      expect(await store.findRunByRequest('default', 'q1')).toStrictEqual(run);
      expect(await store.loadActiveRuns('', 10)).toStrictEqual([run]);
      expect(await store.loadJournal(runId(1), 0, 10)).toStrictEqual([aJournal(1, 0, 'extract', 'transform')]);
      expect(await store.loadTasks(undefined, 10)).toStrictEqual([task]);
      expect(await store.getBlob(runId(1), 'b1')).toEqual(Uint8Array.of(1, 2, 3));
      expect(await store.listAgentEvents('a', 10)).toStrictEqual([event]);
    });

    it('changes status, end and failure code of a run and nothing else', async () => {
      await store.commit(aBatch(epoch, insert(aRun(1, { labels: { a: 'b' }, status: 'RUNNING' }))));
      const change = { runId: runId(1), status: 'FAILED', endedAt: NOW + 5, failureCode: 'BOOM' } as const;
      await store.commit(aBatch(epoch, { runs: [{ type: 'status', ...change }] }));
      expect(await store.getRun('default', runId(1))).toStrictEqual(aRun(1, { labels: { a: 'b' }, ...change }));
      expect(await store.loadActiveRuns('', 10)).toEqual([]);
    });

    it('takes batches in the order of the calls, without waiting in between', async () => {
      const paths = Array.from({ length: 50 }, (_, index) => `step-${index}`);
      await Promise.all(
        paths.map((path) => store.commit(aBatch(epoch, { tasks: [aTask(1, 'same', 1, { agentId: path })] }))),
      );
      expect((await store.loadTasks(undefined, 10)).map((task) => task.agentId)).toEqual(['step-49']);
    });

    it('writes nothing of a batch that conflicts on a journal position', async () => {
      await store.commit(aBatch(epoch, { journal: [aJournal(1, 0, 'a')] }));
      const batch = aBatch(epoch, {
        ...insert(aRun(2)),
        journal: [aJournal(2, 0, 'x'), aJournal(1, 0, 'b')],
        tasks: [aTask(2, 'x', 1)],
      });
      expect(await failureOf(store.commit(batch))).toBe('CONFLICT');
      expect(await store.getRun('default', runId(2))).toBeUndefined();
      expect(await store.loadJournal(runId(2), 0, 10)).toEqual([]);
      expect(await store.loadTasks(undefined, 10)).toEqual([]);
      expect(await store.loadJournal(runId(1), 0, 10)).toStrictEqual([aJournal(1, 0, 'a')]);
    });

    it('refuses a second run with the same namespace and request id, and no other', async () => {
      await store.commit(aBatch(epoch, insert(aRun(1, { requestId: 'q' }), aRun(2), aRun(3))));
      await store.commit(aBatch(epoch, insert(aRun(4, { requestId: 'q', namespace: 'other' }))));
      expect(await failureOf(store.commit(aBatch(epoch, insert(aRun(5, { requestId: 'q' })))))).toBe('CONFLICT');
      expect(await store.getRun('default', runId(5))).toBeUndefined();
      expect((await store.findRunByRequest('default', 'q'))?.runId).toBe(runId(1));
      expect((await store.findRunByRequest('other', 'q'))?.runId).toBe(runId(4));
    });

    it('refuses two runs with one request id in the same batch', async () => {
      const batch = aBatch(epoch, insert(aRun(1, { requestId: 'q' }), aRun(2, { requestId: 'q' })));
      expect(await failureOf(store.commit(batch))).toBe('CONFLICT');
      expect(await store.loadQueuedRuns('', 10)).toEqual([]);
    });

    it('counts what it wrote', async () => {
      const before = store.stats();
      await store.commit(aBatch(epoch, { ...insert(aRun(1)), journal: [aJournal(1, 0, 'a')] }));
      expect(store.stats().commits).toBe(before.commits + 1);
      expect(store.stats().rowsWritten).toBe(before.rowsWritten + 2);
      expect(store.stats().journalBytes).toBeGreaterThan(before.journalBytes);
    });
  });

  describe('after a failed commit', () => {
    it('abandons the batches behind it until a reopen, and keeps those before it', async () => {
      const results = await Promise.all([
        failureOf(store.commit(aBatch(epoch, insert(aRun(1))))),
        failureOf(store.commit(aBatch(epoch, insert(aRun(1))))),
        failureOf(store.commit(aBatch(epoch, insert(aRun(2))))),
      ]);
      expect(results).toEqual([undefined, 'CONFLICT', 'ABANDONED']);
      expect(await failureOf(store.commit(aBatch(epoch, insert(aRun(3)))))).toBe('ABANDONED');
      await store.reopen();
      await store.commit(aBatch(epoch, insert(aRun(4))));
      expect((await store.loadQueuedRuns('', 10)).map((row) => row.runId)).toEqual([runId(1), runId(4)]);
    });

    it('goes on reading', async () => {
      await store.commit(aBatch(epoch, insert(aRun(1))));
      await failureOf(store.commit(aBatch(epoch, insert(aRun(1)))));
      expect((await store.getRun('default', runId(1)))?.runId).toBe(runId(1));
    });

    it('reopens under the same epoch', async () => {
      await failureOf(store.commit(aBatch(epoch + 1)));
      await store.reopen();
      await store.commit(aBatch(epoch, insert(aRun(1))));
      expect(await store.getRun('default', runId(1))).toBeDefined();
    });
  });

  describe('epochs', () => {
    it('raises the epoch at each open', async () => {
      const first = epoch;
      await store.close();
      await open();
      expect(epoch).toBe(first + 1);
    });

    it('writes nothing of a batch with an old epoch', async () => {
      const old = epoch;
      await store.close();
      await open();
      const batch = aBatch(old, { ...insert(aRun(1)), journal: [aJournal(1, 0, 'a')], tasks: [aTask(1, 'a', 1)] });
      expect(await failureOf(store.commit(batch))).toBe('FENCED');
      expect(await store.getRun('default', runId(1))).toBeUndefined();
      expect(await store.loadJournal(runId(1), 0, 10)).toEqual([]);
      expect(await store.loadTasks(undefined, 10)).toEqual([]);
    });

    it('abandons what comes behind a fenced batch', async () => {
      expect(await failureOf(store.commit(aBatch(epoch - 1)))).toBe('FENCED');
      expect(await failureOf(store.commit(aBatch(epoch)))).toBe('ABANDONED');
    });
  });

  describe('journals', () => {
    beforeEach(() =>
      store.commit(
        aBatch(epoch, { journal: [aJournal(1, 0, 'a', 'b'), aJournal(2, 0, 'z'), aJournal(1, 2, 'c', 'd', 'e')] }),
      ),
    );

    it('gives the rows of one run in order, a page at a time', async () => {
      await store.commit(aBatch(epoch, { journal: [aJournal(1, 5, 'f')] }));
      expect(await store.loadJournal(runId(1), 0, 2)).toStrictEqual([
        aJournal(1, 0, 'a', 'b'),
        aJournal(1, 2, 'c', 'd', 'e'),
      ]);
      expect(await store.loadJournal(runId(1), 5, 2)).toStrictEqual([aJournal(1, 5, 'f')]);
      expect(await store.loadJournal(runId(1), 6, 2)).toEqual([]);
    });

    it('starts in the middle of a row when the first event wanted is there', async () => {
      const [row] = await store.loadJournal(runId(1), 3, 1);
      expect(row?.position).toBe(3);
      expect(row?.events.map((event) => event.type === 'StepQueued' && event.path)).toEqual(['d', 'e']);
    });

    it('copies a blob from another run in the batch, whose own may then go', async () => {
      const [from, to] = [runId(1), runId(2)];
      await store.commit(aBatch(epoch, insert(aRun(1, { status: 'FAILED', endedAt: NOW }))));
      await store.putBlobPart(from, 'big', 0, Uint8Array.of(1, 2));
      await store.putBlobPart(from, 'big', 1, Uint8Array.of(3));
      const blob = { runId: to, blobId: 'own', bytes: Uint8Array.of(9) };
      const blobCopies = [
        { runId: to, blobId: 'big', fromRunId: from },
        { runId: to, blobId: 'own', fromRunId: from },
        { runId: to, blobId: 'missing', fromRunId: from },
      ];
      await store.commit(aBatch(epoch, { ...insert(aRun(2, { retryOf: from })), blobs: [blob], blobCopies }));
      expect(await store.prune(NOW + 1, 10)).toMatchObject({ runs: 1 });
      expect(await store.getBlob(from, 'big')).toBeUndefined();
      expect(await store.getBlob(to, 'big')).toEqual(Uint8Array.of(1, 2, 3));
      expect(await store.getBlob(to, 'own')).toEqual(Uint8Array.of(9));
      expect(await store.getBlob(to, 'missing')).toBeUndefined();
      expect((await store.getRun('default', to))?.retryOf).toBe(from);
    });

    it('copies no blob in a batch that it refuses', async () => {
      const copy = { runId: runId(2), blobId: 'b', fromRunId: runId(1) };
      const blob = { runId: runId(1), blobId: 'b', bytes: Uint8Array.of(1) };
      await store.commit(aBatch(epoch, { ...insert(aRun(1)), blobs: [blob] }));
      const failure = await failureOf(store.commit(aBatch(epoch, { ...insert(aRun(1)), blobCopies: [copy] })));
      expect(failure).toBe('CONFLICT');
      expect(await store.getBlob(runId(2), 'b')).toBeUndefined();
    });

    it('keeps blobs and journals of different runs apart', async () => {
      expect(await store.loadJournal(runId(2), 0, 10)).toStrictEqual([aJournal(2, 0, 'z')]);
      expect(await store.loadJournal(runId(3), 0, 10)).toEqual([]);
    });
  });

  describe('tasks', () => {
    it('replaces a task as a whole and deletes it', async () => {
      await store.commit(aBatch(epoch, { tasks: [aTask(1, 'a', 1), aTask(1, 'b', 1), aTask(1, '', 0)] }));
      const leased = aTask(1, 'a', 1, { state: 'leased', instanceId: 'i', orderKey: -3.5 });
      await store.commit(aBatch(epoch, { tasks: [leased], tasksDeleted: [aTask(1, 'b', 1)] }));
      expect(await store.loadTasks(undefined, 10)).toStrictEqual([aTask(1, '', 0), leased]);
    });

    it('deletes before it inserts', async () => {
      await store.commit(aBatch(epoch, { tasks: [aTask(1, 'a', 1, { agentId: 'old' })] }));
      const row = aTask(1, 'a', 1, { agentId: 'new' });
      await store.commit(aBatch(epoch, { tasks: [row], tasksDeleted: [row] }));
      expect(await store.loadTasks(undefined, 10)).toStrictEqual([row]);
    });

    it('keeps the latest checkpoint in the task, and ignores one for a task that is gone', async () => {
      await store.commit(aBatch(epoch, { tasks: [aTask(1, 'a', 1)] }));
      const checkpoint = Uint8Array.of(9, 9);
      const gone = { ...aTask(1, 'a', 2), checkpoint };
      await store.commit(aBatch(epoch, { checkpoints: [{ ...aTask(1, 'a', 1), checkpoint }, gone] }));
      const rows = await store.loadTasks(undefined, 10);
      expect(rows.map((row) => [row.attempt, [...(row.checkpoint ?? [])]])).toEqual([[1, [9, 9]]]);
    });

    it('lists them by run, path and attempt, after a key', async () => {
      const tasks = [aTask(2, 'a', 1), aTask(1, 'b', 10), aTask(1, 'b', 2), aTask(1, 'a', 1)];
      await store.commit(aBatch(epoch, { tasks }));
      const first = await store.loadTasks(undefined, 2);
      const rest = await store.loadTasks(first.at(-1), 10);
      expect(first).toStrictEqual([aTask(1, 'a', 1), aTask(1, 'b', 2)]);
      expect(rest).toStrictEqual([aTask(1, 'b', 10), aTask(2, 'a', 1)]);
    });
  });

  describe('opening again', () => {
    it('finds everything after a close', async () => {
      await store.commit(aBatch(epoch, { ...insert(aRun(1)), journal: [aJournal(1, 0, 'a')] }));
      await store.putWorkflow(aWorkflow('etl', 'h'));
      await store.close();
      await open();
      expect(await store.getRun('default', runId(1))).toStrictEqual(aRun(1));
      expect(await store.loadJournal(runId(1), 0, 9)).toStrictEqual([aJournal(1, 0, 'a')]);
      expect((await store.getWorkflow('default', 'etl', 0))?.version).toBe(1);
    });

    it('finds exactly the commits that resolved after a crash without a close', async () => {
      const resolved: string[] = [];
      for (let number = 1; number <= 20; number++) {
        const run = aRun(number === 13 ? 12 : number);
        const batch = aBatch(epoch, {
          ...insert(run),
          journal: [aJournal(number, 0, 'a')],
          tasks: [aTask(number, 'a', 1)],
        });
        if ((await failureOf(store.commit(batch))) === undefined) resolved.push(runId(number));
        else await store.reopen();
      }
      await world.crash();
      const before = epoch;
      await open();
      expect(epoch).toBe(before + 1);
      expect(resolved).toHaveLength(19);
      expect((await store.loadQueuedRuns('', 99)).map((row) => row.runId)).toEqual(resolved);
      expect((await store.loadTasks(undefined, 99)).map((row) => row.runId)).toEqual(resolved);
      await store.commit(aBatch(epoch, insert(aRun(30))));
    });

    it('answers CLOSED after a close, which may be called twice', async () => {
      await store.close();
      await store.close();
      expect(await failureOf(store.commit(aBatch(epoch)))).toBe('CLOSED');
      expect(await failureOf(store.getRun('default', runId(1)))).toBe('CLOSED');
    });
  });
});
