import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import { type ConnectRouter, createRouterTransport } from '@connectrpc/connect';
import { expect, test } from 'vitest';
import { Orchestrator } from '../../../src/client/index.ts';
import { RunStatus } from '../../../src/gen/yardmaster/v1/run_pb.ts';
import {
  type Schedule,
  ScheduleCatchUp,
  ScheduleOutcome,
  ScheduleOverlap,
  ScheduleSchema,
} from '../../../src/gen/yardmaster/v1/schedule_pb.ts';
import { ScheduleService } from '../../../src/gen/yardmaster/v1/schedule_service_pb.ts';
import { type Ran, runCommand } from './capture.ts';

const NOW = Date.UTC(2026, 10, 24, 12, 0, 0);
const RUN_ID = '01k00000000000000000abcdef';
const NIGHTLY: MessageInitShape<typeof ScheduleSchema> = {
  name: 'nightly',
  workflow: 'Copy',
  cron: '0 2 * * *',
  timezone: 'Europe/Berlin',
  labels: { team: 'data' },
  overlap: ScheduleOverlap.SKIP,
  catchUp: ScheduleCatchUp.ONE,
  catchUpWindow: durationFromMs(86_400_000),
  paused: false,
  nextTimes: [13, 37, 61].map((hours) => timestampFromMs(NOW + hours * 3_600_000)),
  lastTick: { time: timestampFromMs(NOW - 11 * 3_600_000), outcome: ScheduleOutcome.STARTED },
  lastRunId: RUN_ID,
  lastRunStatus: RunStatus.COMPLETED,
};

/** Holds these schedules, and keeps what was put and what was asked for. */
class FakeSchedules {
  readonly put: Schedule[] = [];
  readonly asked: string[] = [];
  schedules: readonly MessageInitShape<typeof ScheduleSchema>[] = [NIGHTLY];
  one = NIGHTLY;
  accepted = true;

  run(...args: readonly string[]): Promise<Ran> {
    const note = (call: string): void => void this.asked.push(call);
    const routes = (router: ConnectRouter): void => {
      router.service(ScheduleService, {
        putSchedule: ({ schedule }) => {
          this.put.push(schedule ?? create(ScheduleSchema));
          return { schedule: NIGHTLY, created: true };
        },
        listSchedules: () => ({ schedules: [...this.schedules] }),
        getSchedule: () => ({ schedule: this.one }),
        pauseSchedule: ({ name, reason }) => {
          note(`pause ${name} ${reason}`);
          return { accepted: this.accepted };
        },
        resumeSchedule: ({ name }) => {
          note(`resume ${name}`);
          return { accepted: this.accepted };
        },
        triggerSchedule: ({ name, requestId }) => {
          note(`trigger ${name} ${requestId}`);
          return { runId: RUN_ID, workflowVersion: 3, created: true };
        },
        deleteSchedule: ({ name }) => {
          note(`delete ${name}`);
          return {};
        },
      });
    };
    const connect = (): Orchestrator => new Orchestrator({ transport: createRouterTransport(routes) });
    return runCommand(['schedules', '--utc', ...args], { connect, now: () => NOW });
  }
}

test('schedules list prints a table, and what to do when there is none', async () => {
  const fake = new FakeSchedules();
  fake.schedules = [NIGHTLY, { ...NIGHTLY, name: 'off', version: 2, paused: true, nextTimes: [], lastRunId: '' }];
  fake.schedules = [...fake.schedules, { ...NIGHTLY, name: 'Copy', ofWorkflow: true }];
  expect(
    (await fake.run('list')).out,
  ).toBe(`SCHEDULE  WORKFLOW  FROM      CRON       TIMEZONE       NEXT    LAST     RUN
nightly   Copy      put       0 2 * * *  Europe/Berlin  in 13h  STARTED  00abcdef
off       Copy v2   put       0 2 * * *  Europe/Berlin  paused  STARTED  -
Copy      Copy      workflow  0 2 * * *  Europe/Berlin  in 13h  STARTED  00abcdef
`);
  fake.schedules = [];
  expect(await fake.run('list')).toMatchObject({ code: 0, out: '', err: expect.stringContaining('schedules put') });
});

test('schedules get says of one that stands in a definition how it is changed', async () => {
  const fake = new FakeSchedules();
  fake.one = { ...NIGHTLY, name: 'Copy', ofWorkflow: true };
  expect((await fake.run('get', 'Copy')).out).toContain(`Copy
  starts     Copy
  from       the definition of that workflow; register another version to change it
  cron       0 2 * * * in Europe/Berlin
`);
});

test('schedules get prints its content, the next ticks and the last run', async () => {
  expect((await new FakeSchedules().run('get', 'nightly')).out).toBe(`nightly
  starts     Copy
  cron       0 2 * * * in Europe/Berlin
  labels     team=data
  overlap    SKIP
  catch up   ONE, within 1d
  next       2026-11-25 01:00:00Z, 2026-11-26 01:00:00Z, 2026-11-27 01:00:00Z
  last tick  2026-11-24 01:00:00Z STARTED
  last run   00abcdef COMPLETED
`);
});

test('schedules put sends what was said, and leaves the rest to the control plane', async () => {
  const fake = new FakeSchedules();
  await fake.run('put', 'nightly', '--workflow', 'Copy', '--cron', '0 2 * * *');
  expect(fake.put[0]).toMatchObject({ name: 'nightly', timezone: '', overlap: 0, catchUp: 0 });
  expect(fake.put[0]?.paused).toBeUndefined();
  const line =
    '--timezone Asia/Tokyo --overlap cancel-other --catch-up all --catch-up-window 12h --paused --priority high';
  const more = `--workflow-version 2 --label a=b ${line}`.split(' ');
  expect(await fake.run('put', 'nightly', '--workflow', 'Copy', '--cron', '@daily', ...more)).toMatchObject({
    code: 0,
  });
  expect(fake.put[1]).toMatchObject({
    cron: '@daily',
    version: 2,
    timezone: 'Asia/Tokyo',
    labels: { a: 'b' },
    overlap: ScheduleOverlap.CANCEL_OTHER,
    catchUp: ScheduleCatchUp.ALL,
    catchUpWindow: { seconds: 43_200n },
    paused: true,
  });
});

test('a put that cannot be read ends with 2 and sends nothing', async () => {
  const fake = new FakeSchedules();
  expect((await fake.run('put', 'nightly', '--cron', '@daily')).code).toBe(2);
  const bad = await fake.run('put', 'nightly', '--workflow', 'Copy', '--cron', '@daily', '--overlap', 'queue');
  expect(bad).toMatchObject({ code: 2, err: expect.stringContaining('skip, allow, cancel-other') });
  expect(fake.put).toEqual([]);
});

test('pause, resume, trigger and delete do what they say', async () => {
  const fake = new FakeSchedules();
  expect(await fake.run('pause', 'nightly', '--reason', 'holidays')).toMatchObject({ code: 0, out: '' });
  expect((await fake.run('resume', 'nightly')).err).toContain('schedule nightly ticks again');
  expect(await fake.run('trigger', 'nightly', '--request-id', 'q')).toMatchObject({ code: 0, out: `${RUN_ID}\n` });
  expect((await fake.run('delete', 'nightly')).err).toBe('schedule nightly is deleted; its runs go on\n');
  expect(fake.asked).toEqual(['pause nightly holidays', 'resume nightly', 'trigger nightly q', 'delete nightly']);
  fake.accepted = false;
  expect((await fake.run('pause', 'nightly')).code).toBe(5);
  expect((await fake.run('resume', 'nightly')).code).toBe(5);
});
