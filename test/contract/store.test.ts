import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Store, StoreError } from '../../src/control-plane/store/index.ts';
import { aBatch, aJournal, aRun, aTask, aWorkflow, insert, NOW, runId } from './store/rows.ts';
import { type World, worlds } from './store/worlds.ts';

const PART = 1024 * 1024;

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => (error instanceof StoreError ? error.kind : error),
  );
}

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
      const run = aRun(1, { requestId: 'q1', labels: { team: 'a', ['__proto__']: 'x' }, priority: 'critical' });
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
      expect(await store.loadOpenRuns('', 10)).toStrictEqual([run]);
      expect(await store.loadJournal(runId(1), 0, 10)).toStrictEqual([aJournal(1, 0, 'extract', 'transform')]);
      expect(await store.loadTasks(undefined, 10)).toStrictEqual([task]);
      expect(await store.getBlob(runId(1), 'b1')).toEqual(Uint8Array.of(1, 2, 3));
      expect(await store.listAgentEvents('a', 10)).toStrictEqual([event]);
    });

    it('changes status, end and failure code of a run and nothing else', async () => {
      await store.commit(aBatch(epoch, insert(aRun(1, { labels: { a: 'b' } }))));
      const change = { runId: runId(1), status: 'FAILED', endedAt: NOW + 5, failureCode: 'BOOM' } as const;
      await store.commit(aBatch(epoch, { runs: [{ type: 'status', ...change }] }));
      expect(await store.getRun('default', runId(1))).toStrictEqual(aRun(1, { labels: { a: 'b' }, ...change }));
      expect(await store.loadOpenRuns('', 10)).toEqual([]);
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
      expect(await store.loadOpenRuns('', 10)).toEqual([]);
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
      expect((await store.loadOpenRuns('', 10)).map((row) => row.runId)).toEqual([runId(1), runId(4)]);
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

  describe('lists of runs', () => {
    beforeEach(() =>
      store.commit(
        aBatch(
          epoch,
          insert(
            aRun(1),
            aRun(2, { workflow: 'other' }),
            aRun(3, { status: 'COMPLETED', endedAt: NOW }),
            aRun(4, { namespace: 'other' }),
            aRun(15),
          ),
        ),
      ),
    );

    const ids = (rows: readonly { runId: string }[]): string[] => rows.map((row) => row.runId);

    it('shows the newest first, a page at a time', async () => {
      const first = await store.listRuns({ namespace: 'default', before: '', limit: 2 });
      const rest = await store.listRuns({ namespace: 'default', before: first.at(-1)?.runId ?? '', limit: 10 });
      expect(ids(first)).toEqual([runId(15), runId(3)]);
      expect(ids(rest)).toEqual([runId(2), runId(1)]);
    });

    it('filters by workflow and status', async () => {
      const query = { namespace: 'default', before: '', limit: 10 };
      expect(ids(await store.listRuns({ ...query, workflow: 'etl' }))).toEqual([runId(15), runId(3), runId(1)]);
      expect(ids(await store.listRuns({ ...query, status: 'COMPLETED' }))).toEqual([runId(3)]);
      expect(ids(await store.listRuns({ ...query, workflow: 'other', status: 'COMPLETED' }))).toEqual([]);
    });

    it('loads the open ones of all namespaces by id, after an id', async () => {
      expect(ids(await store.loadOpenRuns('', 3))).toEqual([runId(1), runId(2), runId(4)]);
      expect(ids(await store.loadOpenRuns(runId(4), 3))).toEqual([runId(15)]);
    });

    it('finds runs by the end of their id, short or long', async () => {
      expect(await store.findRunsByTail('default', '1', 10)).toEqual([runId(1)]);
      expect(await store.findRunsByTail('default', '5', 10)).toEqual([runId(15)]);
      expect(await store.findRunsByTail('default', runId(3).slice(-8), 10)).toEqual([runId(3)]);
      expect(await store.findRunsByTail('default', runId(3), 10)).toEqual([runId(3)]);
      expect(await store.findRunsByTail('default', '4', 10)).toEqual([]);
      expect(await store.findRunsByTail('default', `x${runId(3).slice(-12)}`, 10)).toEqual([]);
    });

    it('hides runs of another namespace', async () => {
      expect(await store.getRun('default', runId(4))).toBeUndefined();
    });
  });

  describe('blobs', () => {
    it('keeps a blob of several parts, one of exactly a part and an empty one', async () => {
      for (const size of [2 * PART + 7, PART, 0]) {
        const bytes = new Uint8Array(size).map((_, index) => index % 251);
        await store.commit(aBatch(epoch, { blobs: [{ runId: runId(1), blobId: `b${size}`, bytes }] }));
        const read = await store.getBlob(runId(1), `b${size}`);
        expect(read !== undefined && Buffer.compare(read, bytes)).toBe(0);
      }
      expect(await store.getBlob(runId(2), 'b0')).toBeUndefined();
      expect(await store.getBlob(runId(1), 'b1')).toBeUndefined();
    });

    it('joins uploaded parts in order', async () => {
      await store.putBlobPart(runId(1), 'b', 0, Uint8Array.of(1, 2));
      await store.putBlobPart(runId(1), 'b', 1, Uint8Array.of(3));
      expect(await store.getBlob(runId(1), 'b')).toEqual(Uint8Array.of(1, 2, 3));
    });

    it('starts again at part 0 and refuses a part that is not the next, without harm to commits', async () => {
      await store.putBlobPart(runId(1), 'b', 0, Uint8Array.of(1));
      await store.putBlobPart(runId(1), 'b', 1, Uint8Array.of(2));
      expect(await failureOf(store.putBlobPart(runId(1), 'b', 3, Uint8Array.of(4)))).toBe('CONFLICT');
      await store.putBlobPart(runId(1), 'b', 0, Uint8Array.of(5));
      expect(await store.getBlob(runId(1), 'b')).toEqual(Uint8Array.of(5));
      await store.commit(aBatch(epoch));
    });
  });

  describe('workflows', () => {
    it('numbers versions by content, per namespace and name', async () => {
      const put = async (name: string, hash: string, namespace = 'default'): Promise<[number, boolean]> => {
        const { row, created } = await store.putWorkflow(aWorkflow(name, hash, { namespace }));
        return [row.version, created];
      };
      expect(await put('etl', 'h1')).toEqual([1, true]);
      expect(await put('etl', 'h2')).toEqual([2, true]);
      expect(await put('etl', 'h1')).toEqual([1, false]);
      expect(await put('other', 'h1')).toEqual([1, true]);
      expect(await put('etl', 'h1', 'tenant')).toEqual([1, true]);
    });

    it('answers a version, the latest, and nothing for what is not there', async () => {
      await store.putWorkflow(aWorkflow('etl', 'h1'));
      await store.putWorkflow(aWorkflow('etl', 'h2'));
      expect(await store.getWorkflow('default', 'etl', 1)).toStrictEqual({ ...aWorkflow('etl', 'h1'), version: 1 });
      expect((await store.getWorkflow('default', 'etl', 0))?.hash).toBe('h2');
      expect(await store.getWorkflow('default', 'etl', 3)).toBeUndefined();
      expect(await store.getWorkflow('tenant', 'etl', 0)).toBeUndefined();
    });

    it('lists the latest of each by name, after a name', async () => {
      for (const [name, hash] of [
        ['c', '1'],
        ['a', '1'],
        ['b', '1'],
        ['a', '2'],
      ] as const) {
        await store.putWorkflow(aWorkflow(name, hash));
      }
      const first = await store.listWorkflows('default', '', 2);
      expect(first.map((row) => [row.name, row.version])).toEqual([
        ['a', 2],
        ['b', 1],
      ]);
      expect((await store.listWorkflows('default', 'b', 2)).map((row) => row.name)).toEqual(['c']);
    });
  });

  it('lists the newest agent events, newest last', async () => {
    const agentEvents = [1, 2, 3].map((number) => ({
      at: NOW + number,
      agentId: number === 2 ? 'other' : 'a',
      instanceId: 'i',
      kind: 'LOST',
      message: String(number),
    }));
    await store.commit(aBatch(epoch, { agentEvents }));
    await store.commit(aBatch(epoch, { agentEvents: agentEvents.map((row) => ({ ...row, at: row.at + 10 })) }));
    expect((await store.listAgentEvents('a', 3)).map((row) => row.at - NOW)).toEqual([3, 11, 13]);
  });

  it('prunes old runs with all that is theirs, a few at a time, the oldest first', async () => {
    const over = (number: number) =>
      aRun(number, { status: 'COMPLETED', endedAt: NOW + number, requestId: `q${number}` });
    await store.commit(
      aBatch(epoch, {
        ...insert(over(3), over(1), over(2), over(9), aRun(5, { labels: { a: 'b' } })),
        journal: [aJournal(1, 0, 'a'), aJournal(5, 0, 'a')],
        tasks: [aTask(1, 'a', 1)],
        blobs: [{ runId: runId(1), blobId: 'b', bytes: Uint8Array.of(1) }],
        agentEvents: [NOW, NOW + 9].map((at) => ({ at, agentId: 'a', instanceId: 'i', kind: 'LOST', message: '' })),
      }),
    );
    expect(await store.prune(NOW + 9, 2)).toBe(2);
    expect((await store.listRuns({ namespace: 'default', before: '', limit: 9 })).map((row) => row.runId)).toEqual(
      [9, 5, 3].map(runId),
    );
    expect(await store.prune(NOW + 9, 2)).toBe(1);
    expect(await store.prune(NOW + 9, 2)).toBe(0);
    expect(await store.loadJournal(runId(1), 0, 9)).toEqual([]);
    expect(await store.loadTasks(undefined, 9)).toEqual([]);
    expect(await store.getBlob(runId(1), 'b')).toBeUndefined();
    expect(await store.findRunByRequest('default', 'q1')).toBeUndefined();
    expect(await store.loadJournal(runId(5), 0, 9)).toHaveLength(1);
    expect((await store.listAgentEvents('a', 9)).map((row) => row.at)).toEqual([NOW + 9]);
    await store.commit(aBatch(epoch, insert(aRun(1, { requestId: 'q1' }))));
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
      expect((await store.loadOpenRuns('', 99)).map((row) => row.runId)).toEqual(resolved);
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
