/** Schedules: each tick starts one run at most, whatever happens in between. */
import { expect, test } from 'vitest';
import type { RunView, ScheduleSpec, ScheduleView } from '../../../src/client/index.ts';
import { StoreError } from '../../../src/control-plane/store/index.ts';
import { limits } from '../../../src/core/limits.ts';
import { type Metrics, noMetrics } from '../../../src/core/metrics.ts';
import { encodeValue } from '../../../src/core/value.ts';
import { TestMesh, type TestMeshOptions } from '../../../src/testing/index.ts';
import { flow, step } from '../../unit/engine/flow.ts';

const workflow = flow([step('a', { timeout: '2h', parameters: { of: '${{ params.of }}' } })]);
const HOURLY: ScheduleSpec = { workflow: 'Flow', cron: '0 * * * *', parameters: { of: 'clock' } };

/** A mesh at 2026-01-01T00:00Z with the workflow, and an agent that takes `delay` for it. */
async function start(delay = '1s', options: TestMeshOptions = {}): Promise<TestMesh> {
  const mesh = await TestMesh.start(options);
  mesh.agent('worker').setResponse('a', 1).setDelay('a', delay);
  await mesh.registerWorkflow(workflow);
  return mesh;
}

const schedules = (mesh: TestMesh) => mesh.orchestrator.schedules;

/** Oldest first. */
async function runsOf(mesh: TestMesh, name = 'hourly'): Promise<readonly RunView[]> {
  return (await mesh.orchestrator.listRuns({ labels: { schedule: name } })).toReversed();
}

/** When they were due, by the hour: `01:00 COMPLETED`. */
async function tell(mesh: TestMesh, name = 'hourly'): Promise<readonly string[]> {
  return (await runsOf(mesh, name)).map(
    ({ labels, status }) => `${labels['scheduled-at']?.slice(11, 16) ?? 'by hand'} ${status}`,
  );
}

const tick = ({ lastTick }: ScheduleView): string =>
  `${lastTick?.time?.toISOString().slice(11, 16)} ${lastTick?.outcome}`;

test('starts a run at every tick, with the labels, parameters and request id of it', async () => {
  await using mesh = await start();
  await schedules(mesh).put('hourly', { ...HOURLY, labels: { team: 'data' }, priority: 'high' });
  await mesh.advance('59m');
  expect(await tell(mesh)).toEqual([]);
  await mesh.advance('2h');
  expect(await tell(mesh)).toEqual(['01:00 COMPLETED', '02:00 COMPLETED']);
  const [first] = await runsOf(mesh);
  expect(first).toMatchObject({
    workflow: 'Flow',
    version: 1,
    requestId: 'schedule:hourly:2026-01-01T01:00:00Z',
    labels: { team: 'data', schedule: 'hourly', 'scheduled-at': '2026-01-01T01:00:00Z' },
    createTime: new Date('2026-01-01T01:00:00Z'),
  });
  const { parameters } = await mesh.orchestrator.getRun(first?.runId ?? '', { values: true });
  expect(parameters).toEqual({ kind: 'value', value: { of: 'clock' } });
});

test('shows the next three ticks, the last one, and how its run stands', async () => {
  await using mesh = await start('30m');
  const put = await schedules(mesh).put('hourly', HOURLY);
  expect(put.lastTick).toBeUndefined();
  await mesh.advance('61m');
  const seen = await schedules(mesh).get('hourly');
  expect(seen.nextTimes.map((time) => time.toISOString().slice(11, 16))).toEqual(['02:00', '03:00', '04:00']);
  expect(tick(seen)).toBe('01:00 STARTED');
  const [run] = await runsOf(mesh);
  expect(seen).toMatchObject({ lastRunId: run?.runId, lastRunStatus: 'RUNNING', timezone: 'UTC', overlap: 'SKIP' });
});

test('a tick takes the newest version, or the one that was pinned', async () => {
  await using mesh = await start();
  await schedules(mesh).put('hourly', HOURLY);
  await schedules(mesh).put('pinned', { ...HOURLY, version: 1 });
  await mesh.registerWorkflow(flow([step('a'), step('b')]));
  await mesh.advance('61m');
  expect((await runsOf(mesh)).map(({ version }) => version)).toEqual([2]);
  expect((await runsOf(mesh, 'pinned')).map(({ version }) => version)).toEqual([1]);
});

test('skip: a tick starts nothing while the last run is open, and the next one does again', async () => {
  await using mesh = await start('90m');
  await schedules(mesh).put('hourly', HOURLY);
  await mesh.advance('2h');
  await mesh.advance('1m');
  expect(await tell(mesh)).toEqual(['01:00 RUNNING']);
  expect(tick(await schedules(mesh).get('hourly'))).toBe('02:00 SKIPPED');
  await mesh.advance('1h');
  expect(await tell(mesh)).toEqual(['01:00 COMPLETED', '03:00 RUNNING']);
});

test('allow: a tick starts a run beside the last one', async () => {
  await using mesh = await start('90m');
  await schedules(mesh).put('hourly', { ...HOURLY, overlap: 'allow' });
  await mesh.advance('121m');
  expect(await tell(mesh)).toEqual(['01:00 RUNNING', '02:00 RUNNING']);
});

test('cancelOther: a tick cancels the last run and starts', async () => {
  await using mesh = await start('90m');
  await schedules(mesh).put('hourly', { ...HOURLY, overlap: 'cancelOther' });
  await mesh.advance('121m');
  expect(await tell(mesh)).toEqual(['01:00 CANCELLED', '02:00 RUNNING']);
});

test.each([
  ['none', [], '03:00 MISSED'],
  ['one', ['03:00 COMPLETED'], '03:00 STARTED'],
  ['all', ['01:00 COMPLETED', '02:00 COMPLETED', '03:00 COMPLETED'], '03:00 STARTED'],
] as const)('catchUp %s after a downtime', async (catchUp, started, last) => {
  await using mesh = await start();
  await schedules(mesh).put('hourly', { ...HOURLY, catchUp, overlap: 'allow' });
  mesh.crash();
  await mesh.advance('3h');
  await mesh.advance('10m');
  await mesh.restart();
  await mesh.advance('1m');
  expect(await tell(mesh)).toEqual(started);
  expect(tick(await schedules(mesh).get('hourly'))).toBe(last);
  await mesh.advance('1h');
  expect(await tell(mesh)).toEqual([...started, '04:00 COMPLETED']);
});

test('a crash at any commit around a tick neither loses nor repeats its run', async () => {
  for (const landed of [false, true]) {
    for (let number = 0; number < 4; number++) {
      let commits = Number.NEGATIVE_INFINITY;
      const crash = (): Promise<void> => {
        mesh.crash();
        return new Promise(() => undefined);
      };
      const beforeCommit = () => (commits++ === number && !landed ? crash() : undefined);
      const afterCommit = () => (commits === number + 1 && landed ? crash() : undefined);
      await using mesh = await start('1s', { faults: { beforeCommit, afterCommit } });
      await schedules(mesh).put('hourly', HOURLY);
      await mesh.advance('59m');
      commits = 0;
      await mesh.advance('1m');
      await mesh.advance('2s');
      commits = Number.NEGATIVE_INFINITY;
      await mesh.restart();
      await mesh.advance('2m');
      expect(await tell(mesh), `crash at commit ${number}, landed: ${landed}`).toEqual(['01:00 COMPLETED']);
    }
  }
});

test('a commit that fails around a tick is made again, and the tick starts one run', async () => {
  for (const landed of [false, true]) {
    for (let number = 0; number < 4; number++) {
      let commits = Number.NEGATIVE_INFINITY;
      const fail = (): never => {
        throw new Error('no word of the disk');
      };
      const faults = {
        beforeCommit: () => (commits++ === number && !landed ? fail() : undefined),
        afterCommit: () => (commits === number + 1 && landed ? fail() : undefined),
      };
      await using mesh = await start('1s', { faults });
      await schedules(mesh).put('hourly', HOURLY);
      commits = 0;
      await mesh.advance('62m');
      expect(await tell(mesh), `failure of commit ${number}, landed: ${landed}`).toEqual(['01:00 COMPLETED']);
      expect(tick(await schedules(mesh).get('hourly'))).toBe('01:00 STARTED');
    }
  }
});

test('a change after a tick that landed without an answer is made on what has landed', async () => {
  let commits = Number.NEGATIVE_INFINITY;
  const faults = {
    beforeCommit: () => {
      commits += 1;
      if (commits === 2) throw new StoreError('FULL', 'disk full');
    },
    afterCommit: async () => {
      if (commits !== 1) return;
      // What is decided next waits for a commit of its own, and the answer of the tick with it.
      const byHand = mesh.orchestrator.startWorkflow('Flow', { of: 'hand' });
      byHand.catch(() => undefined);
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
      throw new StoreError('UNCLEAR', 'no word of the disk');
    },
  };
  await using mesh = await start('90m', { faults });
  await schedules(mesh).put('hourly', HOURLY);
  await mesh.advance('59m');
  commits = 0;
  await mesh.advance('1m');
  expect(commits).toBe(2);
  // The store is mended, and the tick is not due any more.
  mesh.clock.shiftWall(-30_000);
  await mesh.advance('10s');
  await schedules(mesh).pause('hourly');
  await schedules(mesh).resume('hourly');
  expect(tick(await schedules(mesh).get('hourly'))).toBe('01:00 STARTED');
  await mesh.advance('61m');
  expect(tick(await schedules(mesh).get('hourly'))).toBe('02:00 SKIPPED');
  await mesh.advance('1h');
  expect(await tell(mesh)).toEqual(['01:00 COMPLETED', '03:00 RUNNING']);
});

test('a wall clock that is set forward makes the ticks between missed; set back, none comes twice', async () => {
  await using mesh = await start();
  await schedules(mesh).put('hourly', HOURLY);
  await mesh.advance('1m');
  mesh.clock.shiftWall(3 * 3_600_000);
  await mesh.advance('2s');
  expect(await tell(mesh)).toEqual(['03:00 COMPLETED']);
  mesh.clock.shiftWall(-2 * 3_600_000);
  await mesh.advance('2h');
  expect(await tell(mesh)).toEqual(['03:00 COMPLETED']);
  await mesh.advance('1h');
  expect(await tell(mesh)).toEqual(['03:00 COMPLETED', '04:00 COMPLETED']);
});

test('a wall clock that is set back before a schedule is resumed or changed brings no tick again', async () => {
  await using mesh = await start();
  await schedules(mesh).put('hourly', { ...HOURLY, catchUp: 'all' });
  await mesh.advance('2h');
  await schedules(mesh).pause('hourly');
  mesh.clock.shiftWall(-90 * 60_000);
  await schedules(mesh).resume('hourly');
  await schedules(mesh).put('hourly', { ...HOURLY, cron: '*/30 * * * *' });
  await mesh.advance('89m');
  expect(await tell(mesh)).toEqual(['01:00 COMPLETED', '02:00 COMPLETED']);
  await mesh.advance('32m');
  expect(await tell(mesh)).toEqual(['01:00 COMPLETED', '02:00 COMPLETED', '02:30 COMPLETED']);
});

test('nothing is started in a pause, and its ticks are not made up for, also over a restart', async () => {
  await using mesh = await start();
  await schedules(mesh).put('hourly', { ...HOURLY, catchUp: 'all' });
  expect(await schedules(mesh).pause('hourly', 'holidays')).toBe(true);
  expect(await schedules(mesh).pause('hourly')).toBe(false);
  await mesh.advance('2h');
  await mesh.restart();
  await mesh.advance('1h');
  expect((await schedules(mesh).get('hourly')).nextTimes).toEqual([]);
  await mesh.advance('30m');
  expect(await schedules(mesh).resume('hourly')).toBe(true);
  expect(await schedules(mesh).resume('hourly')).toBe(false);
  await mesh.advance('31m');
  expect(await tell(mesh)).toEqual(['04:00 COMPLETED']);
});

test('a put keeps the pause and, with the same times, what was seen; other times tick from now on', async () => {
  await using mesh = await start();
  await schedules(mesh).put('hourly', { ...HOURLY, paused: true });
  expect((await schedules(mesh).put('hourly', { ...HOURLY, labels: { a: 'b' } })).paused).toBe(true);
  expect((await schedules(mesh).put('hourly', { ...HOURLY, paused: false })).paused).toBe(false);
  await mesh.advance('50m');
  await schedules(mesh).put('hourly', { ...HOURLY, cron: '*/10 * * * *' });
  await mesh.advance('11m');
  expect(await tell(mesh)).toEqual(['01:00 COMPLETED']);
});

test('a trigger starts a run at once, also in a pause and beside an open run; a request id starts one', async () => {
  await using mesh = await start('90m');
  await schedules(mesh).put('hourly', { ...HOURLY, paused: true });
  const first = await schedules(mesh).trigger('hourly', { requestId: 'once' });
  expect((await schedules(mesh).trigger('hourly', { requestId: 'once' })).id).toBe(first.id);
  const second = await schedules(mesh).trigger('hourly');
  expect((await runsOf(mesh)).map(({ runId }) => runId)).toEqual([first.id, second.id]);
  await schedules(mesh).resume('hourly');
  await mesh.advance('61m');
  expect(await schedules(mesh).get('hourly')).toMatchObject({ lastRunId: second.id, lastTick: { outcome: 'SKIPPED' } });
});

test('a deleted schedule ticks no more, its runs go on, and its name is free', async () => {
  await using mesh = await start('90m');
  await schedules(mesh).put('hourly', HOURLY);
  await mesh.advance('61m');
  await schedules(mesh).delete('hourly');
  await mesh.advance('2h');
  expect(await tell(mesh)).toEqual(['01:00 COMPLETED']);
  await expect(schedules(mesh).get('hourly')).rejects.toMatchObject({ code: 'SCHEDULE_NOT_FOUND' });
  await mesh.restart();
  expect(await schedules(mesh).list()).toEqual([]);
  await schedules(mesh).put('hourly', HOURLY);
  await mesh.advance('1h');
  expect(await tell(mesh)).toEqual(['01:00 COMPLETED', '04:00 RUNNING']);
});

test('every change has an entry in the audit log, refused ones too', async () => {
  await using mesh = await start();
  await schedules(mesh).put('hourly', HOURLY);
  await mesh.advance('1s');
  const run = await schedules(mesh).trigger('hourly', { requestId: 'q' });
  await mesh.advance('1s');
  await schedules(mesh).pause('hourly', 'lunch');
  await mesh.advance('1s');
  await schedules(mesh).resume('hourly');
  await mesh.advance('1s');
  await schedules(mesh).delete('hourly');
  await mesh.advance('1s');
  await schedules(mesh)
    .delete('hourly')
    .catch(() => undefined);
  const entries = await mesh.orchestrator.listAudit({ subject: 'hourly' });
  expect(
    entries.map(({ action, outcome, errorCode, subject }) => [action, subject.kind, errorCode ?? outcome]),
  ).toEqual([
    ['schedule.delete', 'SCHEDULE', 'SCHEDULE_NOT_FOUND'],
    ['schedule.delete', 'SCHEDULE', 'DONE'],
    ['schedule.resume', 'SCHEDULE', 'DONE'],
    ['schedule.pause', 'SCHEDULE', 'DONE'],
    ['schedule.trigger', 'SCHEDULE', 'DONE'],
    ['schedule.put', 'SCHEDULE', 'DONE'],
  ]);
  expect(entries[3]?.details).toEqual({ reason: 'lunch' });
  expect(entries[4]).toMatchObject({ workflow: 'Flow', requestId: 'q', details: { run: run.id } });
  expect(entries[5]?.details).toEqual({ cron: '0 * * * *', timezone: 'UTC' });
});

test('counts its ticks by what became of them', async () => {
  const counted: string[] = [];
  const metrics: Metrics = { ...noMetrics, scheduleTicked: (outcome, count) => counted.push(`${outcome} ${count}`) };
  await using mesh = await start('90m', { metrics });
  await schedules(mesh).put('hourly', HOURLY);
  await mesh.advance('152m');
  mesh.crash();
  await mesh.advance('5h');
  await mesh.advance('10m');
  await mesh.restart();
  await mesh.advance('1s');
  expect(counted).toEqual(['STARTED 1', 'SKIPPED 1', 'STARTED 1', 'MISSED 4']);
});

test('there are at most so many, and one that exists can still be changed', async () => {
  await using mesh = await start();
  for (let i = 0; i < limits.schedulesMax; i++) await schedules(mesh).put(`s${i}`, HOURLY);
  await expect(schedules(mesh).put('one-more', HOURLY)).rejects.toMatchObject({ code: 'LIMIT' });
  expect((await schedules(mesh).put('s0', { ...HOURLY, cron: '5 * * * *' })).cron).toBe('5 * * * *');
});

test('have parameters of at most so many bytes', async () => {
  await using mesh = await start();
  const sized = (bytes: number): ScheduleSpec => {
    const overhead = encodeValue({ of: 'x'.repeat(bytes) }).length - bytes;
    return { ...HOURLY, parameters: { of: 'x'.repeat(bytes - overhead) } };
  };
  await schedules(mesh).put('longest', sized(limits.scheduleParametersBytesMax));
  await expect(schedules(mesh).put('longer', sized(limits.scheduleParametersBytesMax + 1))).rejects.toMatchObject({
    code: 'SCHEDULE_INVALID',
  });
});
