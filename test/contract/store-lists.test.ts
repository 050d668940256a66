import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunQuery, Store } from '../../src/control-plane/store/index.ts';
import { failureOf } from './store/failure.ts';
import { aBatch, aJournal, aRun, aTask, aWorkflow, insert, NOW, runId } from './store/rows.ts';
import { type World, worlds } from './store/worlds.ts';

const PART = 1024 * 1024;

describe.each(worlds)('the store contract, lists and values: $name', ({ create }) => {
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
    const list = async (query: Partial<RunQuery> = {}): Promise<number[]> => {
      const { runs } = await store.listRuns({ namespace: 'default', before: '', limit: 10, ...query });
      return runs.map((row) => Number(row.runId.slice(3)));
    };

    it('shows the newest first, a page at a time, and says where the next one begins', async () => {
      const first = await store.listRuns({ namespace: 'default', before: '', limit: 2 });
      expect(ids(first.runs)).toEqual([runId(15), runId(3)]);
      expect(first.next).toBe(runId(3));
      const rest = await store.listRuns({ namespace: 'default', before: first.next, limit: 2 });
      expect(ids(rest.runs)).toEqual([runId(2), runId(1)]);
      expect(rest.next).toBe('');
    });

    it('lists the child runs of a run', async () => {
      const parent = { parentRunId: runId(1), parentStep: 'call' };
      const more = [aRun(20, parent), aRun(21, { ...parent, status: 'COMPLETED', endedAt: NOW }), aRun(22)];
      await store.commit(aBatch(epoch, insert(...more)));
      expect(await list({ parentRunId: runId(1) })).toEqual([21, 20]);
      expect(await list({ parentRunId: runId(1), statuses: ['QUEUED'] })).toEqual([20]);
      expect(await list({ parentRunId: runId(2) })).toEqual([]);
      const { runs } = await store.listRuns({ namespace: 'default', before: '', limit: 1, parentRunId: runId(1) });
      expect(runs[0]).toMatchObject(parent);
    });

    it('filters by workflow, by one status and by several', async () => {
      expect(await list({ workflow: 'etl' })).toEqual([15, 3, 1]);
      expect(await list({ statuses: ['COMPLETED'] })).toEqual([3]);
      expect(await list({ workflow: 'other', statuses: ['COMPLETED'] })).toEqual([]);
      expect(await list({ statuses: ['COMPLETED', 'QUEUED'] })).toEqual([15, 3, 2, 1]);
      expect(await list({ workflow: 'etl', statuses: ['QUEUED', 'FAILED'] })).toEqual([15, 1]);
      expect(await list({ statuses: [] })).toEqual([15, 3, 2, 1]);
    });

    it('finds the runs that have every label that is asked for, in this namespace', async () => {
      const prod = { env: 'prod', team: 'a' };
      const rows = [
        aRun(21, { labels: prod }),
        aRun(22, { labels: { env: 'prod' } }),
        aRun(23, { labels: { env: 'a', team: 'prod' } }),
        aRun(24, { labels: { ...prod, extra: '' }, workflow: 'other' }),
        aRun(25, { labels: prod, namespace: 'other' }),
      ];
      await store.commit(aBatch(epoch, insert(...rows)));
      expect(await list({ labels: { env: 'prod' } })).toEqual([24, 22, 21]);
      expect(await list({ labels: prod })).toEqual([24, 21]);
      expect(await list({ labels: { ...prod, extra: '' } })).toEqual([24]);
      expect(await list({ labels: prod, workflow: 'etl', statuses: ['QUEUED'] })).toEqual([21]);
      expect(await list({ labels: { env: 'PROD' } })).toEqual([]);
      expect(await list({ labels: { toString: '' } })).toEqual([]);
      expect((await store.getRun('default', runId(21)))?.labels).toEqual(prod);
    });

    it('finds runs between two ids, which begin with the time of their start', async () => {
      expect(await list({ from: runId(2) })).toEqual([15, 3, 2]);
      expect(await list({ from: runId(2), before: runId(15) })).toEqual([3, 2]);
      expect(await list({ from: runId(2), before: runId(15), statuses: ['QUEUED'] })).toEqual([2]);
    });

    it('finds runs by the code of their failure, from when it is known', async () => {
      const end = { type: 'status', status: 'FAILED', endedAt: NOW, failureCode: 'DOWN' } as const;
      await store.commit(aBatch(epoch, { runs: [2, 15].map((number) => ({ ...end, runId: runId(number) })) }));
      expect(await list({ failureCode: 'DOWN' })).toEqual([15, 2]);
      expect(await list({ failureCode: 'DOWN', workflow: 'etl' })).toEqual([15]);
      expect(await list({ failureCode: 'UP' })).toEqual([]);
    });

    it('keeps its place while runs come and end between two pages', async () => {
      const first = await store.listRuns({ namespace: 'default', statuses: ['QUEUED'], before: '', limit: 2 });
      expect(ids(first.runs)).toEqual([runId(15), runId(2)]);
      const end = { type: 'status', status: 'COMPLETED', endedAt: NOW, failureCode: undefined } as const;
      await store.commit(
        aBatch(epoch, {
          runs: [...insert(aRun(16), aRun(17)).runs, ...[15, 2].map((number) => ({ ...end, runId: runId(number) }))],
        }),
      );
      expect(await list({ statuses: ['QUEUED'], before: first.next })).toEqual([1]);
    });

    it('loads those that wait for their turn, of all namespaces by id, after an id', async () => {
      await store.commit(aBatch(epoch, insert(aRun(16, { status: 'RUNNING' }))));
      expect(ids(await store.loadQueuedRuns('', 3))).toEqual([runId(1), runId(2), runId(4)]);
      expect(ids(await store.loadQueuedRuns(runId(4), 3))).toEqual([runId(15)]);
    });

    it('tells of a run that waits what its queue is made from, and no more', async () => {
      const child = aRun(16, { priority: 'low', parentRunId: runId(1), parentStep: 'call', labels: { a: 'b' } });
      await store.commit(aBatch(epoch, insert(child)));
      const common = { namespace: 'default', workflow: 'etl' };
      expect(await store.loadQueuedRuns(runId(4), 3)).toStrictEqual([
        { runId: runId(15), ...common, priority: 'normal' },
        { runId: runId(16), ...common, priority: 'low', parent: { runId: runId(1), path: 'call' } },
      ]);
    });

    it('loads the active ones of all namespaces by id, after an id, and none that wait or are over', async () => {
      const running = { status: 'RUNNING' } as const;
      const active = [aRun(20, running), aRun(21, { ...running, namespace: 'other' }), aRun(23, { status: 'ENDING' })];
      await store.commit(aBatch(epoch, insert(...active, aRun(22), aRun(24, { status: 'FAILED', endedAt: NOW }))));
      expect(await store.loadActiveRuns('', 2)).toStrictEqual(active.slice(0, 2));
      expect(await store.loadActiveRuns(runId(21), 2)).toStrictEqual(active.slice(2));
      const start = {
        type: 'status',
        runId: runId(22),
        status: 'RUNNING',
        endedAt: undefined,
        failureCode: undefined,
      } as const;
      await store.commit(aBatch(epoch, { runs: [start] }));
      expect(ids(await store.loadActiveRuns(runId(20), 9))).toEqual([runId(21), runId(22), runId(23)]);
      expect(ids(await store.loadQueuedRuns(runId(15), 9))).toEqual([]);
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

  it('keeps the labels that operators gave, all of an agent at once, until there are none', async () => {
    const row = (agentId: string, labels: Record<string, string>) => ({ namespace: 'default', agentId, labels });
    const other = { namespace: 'another', agentId: 'z', labels: { x: '' } };
    await store.commit(aBatch(epoch, { agentLabels: [row('b', { k: 'v' }), row('a', { k: 'v', l: 'w' }), other] }));
    await store.commit(aBatch(epoch, { agentLabels: [row('a', { l: 'ü' }), row('b', {}), row('c', { k: '1' })] }));
    const all = [other, row('a', { l: 'ü' }), row('c', { k: '1' })];
    expect(await store.loadAgentLabels(undefined, 9)).toEqual(all);
    expect(await store.loadAgentLabels(undefined, 2)).toEqual(all.slice(0, 2));
    expect(await store.loadAgentLabels({ namespace: 'default', agentId: 'a' }, 9)).toEqual(all.slice(2));
    expect(await store.prune(Number.MAX_SAFE_INTEGER, 9)).toMatchObject({ runs: 0 });
    expect(await store.loadAgentLabels(undefined, 9)).toEqual(all);
  });

  it('keeps child runs as long as the run is open whose step they are', async () => {
    const parent = { parentRunId: runId(1), parentStep: 'call' };
    const ended = { status: 'COMPLETED', endedAt: NOW } as const;
    await store.commit(aBatch(epoch, insert(aRun(1), aRun(2, { ...parent, ...ended }), aRun(3, ended))));
    expect(await store.prune(NOW + 1, 10)).toEqual({ runs: 1, isMore: false });
    expect(await store.getRun('default', runId(2))).toMatchObject(parent);
    const over = {
      type: 'status',
      runId: runId(1),
      status: 'FAILED',
      endedAt: NOW + 5,
      failureCode: undefined,
    } as const;
    await store.commit(aBatch(epoch, { runs: [over] }));
    expect(await store.prune(NOW + 1, 10)).toEqual({ runs: 1, isMore: false });
    expect(await store.getRun('default', runId(2))).toBeUndefined();
  });

  it('prunes old runs with all that is theirs, a few at a time, the oldest first', async () => {
    const over = (number: number) =>
      aRun(number, {
        status: 'COMPLETED',
        endedAt: NOW + number,
        requestId: `q${number}`,
        labels: { n: `${number % 2}` },
      });
    await store.commit(
      aBatch(epoch, {
        ...insert(over(3), over(1), over(2), over(9), aRun(5, { labels: { a: 'b' } })),
        journal: [aJournal(1, 0, 'a'), aJournal(5, 0, 'a')],
        tasks: [aTask(1, 'a', 1)],
        blobs: [{ runId: runId(1), blobId: 'b', bytes: Uint8Array.of(1) }],
        agentEvents: [NOW, NOW + 9].map((at) => ({ at, agentId: 'a', instanceId: 'i', kind: 'LOST', message: '' })),
      }),
    );
    expect(await store.prune(NOW + 9, 2)).toEqual({ runs: 2, isMore: true });
    const left = await store.listRuns({ namespace: 'default', before: '', limit: 9 });
    expect(left.runs.map((row) => row.runId)).toEqual([9, 5, 3].map(runId));
    expect(await store.prune(NOW + 9, 2)).toEqual({ runs: 1, isMore: false });
    expect(await store.prune(NOW + 9, 2)).toEqual({ runs: 0, isMore: false });
    expect(await store.loadJournal(runId(1), 0, 9)).toEqual([]);
    expect(await store.loadTasks(undefined, 9)).toEqual([]);
    expect(await store.getBlob(runId(1), 'b')).toBeUndefined();
    expect(await store.findRunByRequest('default', 'q1')).toBeUndefined();
    expect(await store.loadJournal(runId(5), 0, 9)).toHaveLength(1);
    expect((await store.listAgentEvents('a', 9)).map((row) => row.at)).toEqual([NOW + 9]);
    await store.commit(aBatch(epoch, insert(aRun(1, { requestId: 'q1', labels: { n: '1' } }))));
    const odd = await store.listRuns({ namespace: 'default', labels: { n: '1' }, before: '', limit: 9 });
    expect(odd.runs.map((row) => row.runId)).toEqual([9, 1].map(runId));
  });
});
