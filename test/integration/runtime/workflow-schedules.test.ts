/** Schedules that stand in definitions: they follow the newest version of their workflow, and what an operator did to them lasts. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { ScheduleView } from '../../../src/client/index.ts';
import { InProcessChecks } from '../../../src/control-plane/parameters/in-process.ts';
import { startControlPlane } from '../../../src/control-plane/runtime/assembly.ts';
import { createMemoryStore, type Store, StoreError } from '../../../src/control-plane/store/index.ts';
import { createMemoryData } from '../../../src/control-plane/store/memory/memory-data.ts';
import { isYardmasterError } from '../../../src/core/errors.ts';
import { seededRandom } from '../../../src/core/random.ts';
import { TestMesh } from '../../../src/testing/index.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { flow, step } from '../../unit/engine/flow.ts';
import { Disk, Machine } from './sqlite-machine.ts';

const HOURLY = { cron: '0 * * * *', parameters: { of: 'clock' } };
const steps = [step('a', { timeout: '2h', parameters: { of: '${{ params.of }}' } })];
/** A version of its own for each `description`. */
const hourly = (schedule: unknown = HOURLY, description = 'Hourly') => flow(steps, { description, schedule });
const bare = (description = 'By hand') => flow(steps, { description });

/** A mesh at 2026-01-01T00:00Z, and an agent that takes `delay`. */
async function start(delay = '1s'): Promise<TestMesh> {
  const mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1).setDelay('a', delay);
  return mesh;
}

const schedules = (mesh: TestMesh) => mesh.orchestrator.schedules;
const names = async (mesh: TestMesh) => (await schedules(mesh).list()).map(({ name }) => name);

/** When they were due, oldest first: `01:00 v1 COMPLETED`. */
async function tell(mesh: TestMesh): Promise<readonly string[]> {
  const runs = (await mesh.orchestrator.listRuns({ labels: { schedule: 'Flow' } })).toReversed();
  return runs.map(
    ({ labels, status, version }) => `${labels['scheduled-at']?.slice(11, 16) ?? 'by hand'} v${version} ${status}`,
  );
}

async function refusalOf(work: Promise<unknown>) {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isYardmasterError(error)) throw new Error(`not refused: ${String(error)}`);
  const problems = (error.problems ?? []).map(({ code, place }) => `${code} ${place?.pointer}`);
  return { code: error.code, problems, next: error.next };
}

test('registering a workflow creates its schedule, which starts the newest version with its parameters and labels', async () => {
  await using mesh = await start();
  await mesh.registerWorkflow(hourly({ ...HOURLY, labels: { team: 'data' }, priority: 'high', overlap: 'allow' }));
  expect(await schedules(mesh).get('Flow')).toMatchObject({
    workflow: 'Flow',
    version: undefined,
    ofWorkflow: true,
    cron: '0 * * * *',
    timezone: 'UTC',
    parameters: { of: 'clock' },
    overlap: 'ALLOW',
    catchUp: 'ONE',
    catchUpWindowMs: 86_400_000,
    paused: false,
  });
  await mesh.advance('61m');
  const [run] = await mesh.orchestrator.listRuns({ labels: { team: 'data', schedule: 'Flow' } });
  expect(run).toMatchObject({ priority: 'high', labels: { 'scheduled-at': '2026-01-01T01:00:00Z' } });
  await mesh.registerWorkflow(hourly(HOURLY, 'Hourly, again'));
  await mesh.advance('1h');
  expect(await tell(mesh)).toEqual(['01:00 v1 COMPLETED', '02:00 v2 COMPLETED']);
});

test('a version with another cron ticks by that from then on, and one without a schedule takes it away; its runs go on', async () => {
  await using mesh = await start('90m');
  await mesh.registerWorkflow(hourly());
  await mesh.advance('61m');
  await mesh.registerWorkflow(hourly({ ...HOURLY, cron: '30 * * * *', overlap: 'allow' }));
  await mesh.advance('30m');
  expect(await tell(mesh)).toEqual(['01:00 v1 RUNNING', '01:30 v2 RUNNING']);
  await mesh.registerWorkflow(bare());
  expect(await names(mesh)).toEqual([]);
  await mesh.advance('5h');
  expect(await tell(mesh)).toEqual(['01:00 v1 COMPLETED', '01:30 v2 COMPLETED']);
});

test('the same content again changes nothing, and neither does the content of an older version', async () => {
  await using mesh = await start();
  await mesh.registerWorkflow(bare('First'));
  await mesh.registerWorkflow(hourly());
  await schedules(mesh).pause('Flow', 'holidays');
  const before = await schedules(mesh).get('Flow');
  await mesh.advance('5m');
  expect((await mesh.registerWorkflow(hourly())).created).toBe(false);
  expect((await mesh.registerWorkflow(bare('First'))).created).toBe(false);
  expect(await schedules(mesh).get('Flow')).toEqual(before);
});

test('the pause of an operator lasts over new versions and restarts; only a version that says otherwise ends it', async () => {
  await using mesh = await start();
  await mesh.registerWorkflow(hourly());
  await schedules(mesh).pause('Flow');
  await mesh.registerWorkflow(hourly(HOURLY, 'Second'));
  await mesh.restart();
  await mesh.advance('121m');
  expect(await tell(mesh)).toEqual([]);
  await mesh.registerWorkflow(hourly({ ...HOURLY, paused: true }));
  await schedules(mesh).resume('Flow');
  await mesh.registerWorkflow(hourly({ ...HOURLY, paused: true }, 'Fourth'));
  await mesh.advance('1h');
  expect(await tell(mesh)).toEqual(['03:00 v4 COMPLETED']);
  await mesh.registerWorkflow(hourly(HOURLY, 'Fifth'));
  await mesh.registerWorkflow(hourly({ ...HOURLY, paused: true }, 'Sixth'));
  await mesh.advance('1h');
  expect(await tell(mesh)).toEqual(['03:00 v4 COMPLETED']);
  await mesh.registerWorkflow(hourly(HOURLY, 'Seventh'));
  await mesh.advance('1h');
  expect(await tell(mesh)).toEqual(['03:00 v4 COMPLETED', '05:00 v7 COMPLETED']);
});

test('it begins paused when its definition says so, and is triggered by hand all the same', async () => {
  await using mesh = await start();
  await mesh.registerWorkflow(hourly({ ...HOURLY, paused: true }));
  await mesh.advance('2h');
  await schedules(mesh).trigger('Flow');
  await mesh.advance('2s');
  expect(await tell(mesh)).toEqual(['by hand v1 COMPLETED']);
});

test('a version with the same times keeps its place: what was missed while it was down is made up for', async () => {
  await using mesh = await start();
  await mesh.registerWorkflow(hourly({ ...HOURLY, catchUp: 'all', overlap: 'allow' }));
  await mesh.registerWorkflow(hourly({ ...HOURLY, catchUp: 'all', overlap: 'allow' }, 'Second'));
  mesh.crash();
  await mesh.advance('150m');
  await mesh.restart();
  await mesh.advance('1m');
  expect(await tell(mesh)).toEqual(['01:00 v2 COMPLETED', '02:00 v2 COMPLETED']);
});

test('changing or deleting it by hand is refused, with what to do instead', async () => {
  await using mesh = await start();
  await mesh.registerWorkflow(hourly());
  const before = await schedules(mesh).get('Flow');
  const put = schedules(mesh).put('Flow', { workflow: 'Flow', cron: '@daily' });
  expect(await refusalOf(put)).toEqual({
    code: 'SCHEDULE_OF_WORKFLOW',
    problems: [],
    next: 'change "schedule" in its definition and register that; yardmaster schedules pause Flow holds it',
  });
  expect(await refusalOf(schedules(mesh).delete('Flow'))).toMatchObject({
    code: 'SCHEDULE_OF_WORKFLOW',
    next: 'take "schedule" out of its definition and register that; yardmaster schedules pause Flow holds it',
  });
  expect(await schedules(mesh).get('Flow')).toEqual(before);
});

test('a schedule that was put by hand is not taken over: the registration is refused, and nothing of it is there', async () => {
  await using mesh = await start();
  await mesh.registerWorkflow(bare());
  const mine = await schedules(mesh).put('Flow', { workflow: 'Flow', cron: '@daily', parameters: { of: 'me' } });
  expect(mine.ofWorkflow).toBe(false);
  expect(await refusalOf(mesh.registerWorkflow(hourly()))).toMatchObject({
    code: 'WORKFLOW_INVALID',
    problems: ['SCHEDULE_TAKEN schedule'],
  });
  expect((await mesh.orchestrator.fetchWorkflow('Flow')).version).toBe(1);
  expect((await mesh.registerWorkflow(bare('Second'))).workflow.version).toBe(2);
  expect(await schedules(mesh).get('Flow')).toEqual(mine);
  await schedules(mesh).delete('Flow');
  await mesh.registerWorkflow(hourly());
  expect((await schedules(mesh).get('Flow')).ofWorkflow).toBe(true);
});

test('parameters must fit the schema of the workflow, and name secrets where it says so: every problem has its place', async () => {
  await using mesh = await start();
  const parameters = {
    type: 'object',
    properties: { region: { type: 'string' }, rows: { type: 'integer' }, key: { type: 'string', secret: true } },
    required: ['region', 'rows'],
  };
  const withParameters = (given: object) =>
    flow([step('a')], { parameters, secrets: ['KEY'], schedule: { cron: '@daily', parameters: given } });
  expect(await refusalOf(mesh.registerWorkflow(withParameters({ rows: 'many', key: 'hunter2' })))).toMatchObject({
    code: 'WORKFLOW_INVALID',
    problems: [
      'PARAMETERS_INVALID schedule.parameters.region',
      'PARAMETERS_INVALID schedule.parameters.rows',
      'PARAMETERS_INVALID schedule.parameters.key',
    ],
  });
  expect(await names(mesh)).toEqual([]);
  await mesh.registerWorkflow(withParameters({ region: 'north', rows: 3, key: 'secret:KEY' }));
  expect(await names(mesh)).toEqual(['Flow']);
});

test('a plan tells the schedule, when it ticks next, and that it is new', async () => {
  await using mesh = await start();
  await mesh.registerWorkflow(bare());
  const { definition } = hourly({ ...HOURLY, timezone: 'Europe/Berlin' });
  const plan = await mesh.controlPlane.planWorkflow('default', definition);
  expect(plan.changes?.fields).toEqual(['description', 'schedule']);
  expect(plan.schedule).toEqual({ ...HOURLY, timezone: 'Europe/Berlin' });
  expect(plan.scheduleTimes).toEqual([1, 2, 3].map((hour) => Date.UTC(2026, 0, 1, hour)));
  expect(await names(mesh)).toEqual([]);
});

test('on a real file a version and its schedule outlive a crash together, and so does its end', async () => {
  using disk = new Disk();
  const machine = new Machine(disk);
  const register = (controlPlane: Awaited<ReturnType<Machine['start']>>, { definition }: ReturnType<typeof flow>) =>
    controlPlane.registerWorkflow({ namespace: 'default', definition, validateOnly: false });
  const first = await machine.start();
  await register(first, hourly());
  await machine.crash();
  const second = await machine.start();
  expect((await second.schedules.get('default', 'Flow')).row).toMatchObject({ isOfWorkflow: true, isPaused: false });
  await machine.clock.advance('61m');
  const { runs } = await second.listRuns({ namespace: 'default', before: '', limit: 10 });
  expect(runs.map(({ labels }) => labels['scheduled-at'])).toEqual(['2026-01-01T01:00:00Z']);
  await register(second, bare());
  await machine.crash();
  const third = await machine.start();
  expect(third.schedules.list('default', '', 10)).toEqual([]);
  await machine.stop();
});

/** Fails the first registration without a word whether it has landed, as a disk does that breaks at the fsync. */
function brokenAtRegistration(inner: Store, hasLanded: boolean): Store {
  let isFailed = false;
  let isFirst = true;
  const changed: Pick<Store, 'putWorkflow' | 'commit' | 'reopen'> = {
    async putWorkflow(...row) {
      if (isFailed) throw new StoreError('ABANDONED', 'reopen first');
      if (!isFirst) return inner.putWorkflow(...row);
      isFirst = false;
      isFailed = true;
      if (hasLanded) await inner.putWorkflow(...row);
      throw new StoreError('UNCLEAR', 'no word of the disk');
    },
    async commit(batch) {
      if (isFailed) throw new StoreError('ABANDONED', 'reopen first');
      return inner.commit(batch);
    },
    async reopen() {
      isFailed = false;
      return inner.reopen();
    },
  };
  return new Proxy(inner, {
    get(target, key) {
      const member: unknown = Reflect.get(Object.hasOwn(changed, key) ? changed : target, key);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

test.each([true, false])(
  'a registration of which the store gives no word (landed: %s) is made once',
  async (landed) => {
    const clock = new VirtualClock();
    const data = createMemoryData();
    const memory = createMemoryStore({ data });
    const controlPlane = await startControlPlane({
      node: 'n',
      clock,
      random: seededRandom(1),
      store: brokenAtRegistration(memory, landed),
      sha256: (bytes) => createHash('sha256').update(bytes).digest(),
      parameterChecks: new InProcessChecks(),
    });
    clock.watch(() => (controlPlane.isBusy() ? 'the control plane' : undefined));
    const { definition } = hourly();
    const registering = controlPlane.registerWorkflow({ namespace: 'default', definition, validateOnly: false });
    await clock.advance('61m');
    expect(await registering).toMatchObject({ created: true, row: { version: 1 } });
    expect([...data.workflows.values()].flat()).toHaveLength(1);
    const { runs } = await controlPlane.listRuns({ namespace: 'default', before: '', limit: 10 });
    expect(runs.map(({ labels }) => labels['scheduled-at'])).toEqual(['2026-01-01T01:00:00Z']);
    await controlPlane.stop();
  },
);

test('a list says which schedules stand in a definition, and which were put', async () => {
  await using mesh = await start();
  await mesh.registerWorkflow(hourly());
  await schedules(mesh).put('other', { workflow: 'Flow', cron: '@daily' });
  const seen = (await schedules(mesh).list()).map(({ name, ofWorkflow }: ScheduleView) => [name, ofWorkflow]);
  expect(seen).toEqual([
    ['Flow', true],
    ['other', false],
  ]);
});
